/* switch, peer weft: weft_yield. The bench is described in switch.h. */
#include "bench_weft.h"
#include "switch.h"

static struct bench_option options[] = { { "procs", 0 }, { "tasks", 2 }, { "n", 5000000 } };
static weft_waitgroup_t all = WEFT_WAITGROUP_INIT;

static void yielder(void *arg)
{
	switch_body(arg, weft_yield);
	weft_waitgroup_done(&all);
}

static void start(void *arg)
{
	int64_t *wall_ns = arg, begin = bench_now_ns();
	long tasks = options[1].value;

	weft_waitgroup_add(&all, (int)tasks);
	for (long i = 0; i < tasks; i++)
		BENCH_GO(yielder, &switch_tasks[i]);
	weft_waitgroup_wait(&all);
	*wall_ns = bench_now_ns() - begin;
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	long procs = options[0].value;
	int64_t wall_ns;

	switch_setup(options[1].value, options[2].value);
	bench_weft_run(procs, start, &wall_ns);
	if (switch_is_pair(procs))
		BENCH_CHECK(
			switch_uneven() < 0.02, "%.0f %% of the windows out of step", 100 * switch_uneven());
	switch_report(procs, wall_ns);
	return 0;
}
