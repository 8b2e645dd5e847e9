/* waitgroup, peer weft: one task adds 1 to a wait group, takes it off and waits; nobody else takes part. */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 80000000 } };
static weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

static void start(void *arg)
{
	long n = options[1].value;
	int64_t begin;

	(void)arg;
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		weft_waitgroup_add(&group, 1);
		weft_waitgroup_done(&group);
		BENCH_OK(weft_waitgroup_wait(&group));
	}
	bench_emit("waitgroup", (double)(bench_now_ns() - begin) / (double)n, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
