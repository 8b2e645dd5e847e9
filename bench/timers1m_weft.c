/* timers1m, peer weft: weft_sleep. The bench is described in timers1m.h. */
#include "bench_weft.h"
#include "timers1m.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 1000000 } };
static weft_waitgroup_t all = WEFT_WAITGROUP_INIT;

static void sleeper(void *arg)
{
	struct timers_sleep *sleep = arg;
	int64_t begin = weft_now();

	weft_sleep(sleep->duration_ns);
	sleep->late_ns = weft_now() - begin - sleep->duration_ns;
	weft_waitgroup_done(&all);
}

static void start(void *arg)
{
	struct timers_sleep *sleeps = arg;
	long n = options[1].value;
	double cpu = bench_cpu_s();
	int64_t begin = bench_now_ns();

	weft_waitgroup_add(&all, (int)n);
	for (long i = 0; i < n; i++)
		BENCH_GO(sleeper, &sleeps[i]);
	weft_waitgroup_wait(&all);
	begin = bench_now_ns() - begin;
	timers_report(sleeps, n, begin, bench_cpu_s() - cpu);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	struct timers_sleep *sleeps = timers_make(options[1].value);
	bench_weft_run(options[0].value, start, sleeps);
	free(sleeps);
	return 0;
}
