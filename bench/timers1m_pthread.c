/*
 * timers1m, peer pthread: threads with the smallest stack and clock_nanosleep, as many as a kernel takes by
 * default, which is another config: n=10000. The bench is described in timers1m.h.
 */
#include "bench.h"
#include "timers1m.h"

#include <limits.h>
#include <pthread.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 10000 } };

static void *sleeper(void *arg)
{
	struct timers_sleep *sleep = arg;
	int64_t begin = bench_now_ns();
	struct timespec left = { .tv_nsec = (long)sleep->duration_ns };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
	sleep->late_ns = bench_now_ns() - begin - sleep->duration_ns;
	return NULL;
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	long n = options[1].value;
	struct timers_sleep *sleeps = timers_make(n);
	pthread_t *threads = calloc((size_t)n, sizeof *threads);
	pthread_attr_t attr;
	int64_t begin;
	double cpu;

	BENCH_CHECK(threads, "no memory");
	bench_bind(options[0].value);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN);
	cpu = bench_cpu_s();
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		int err = pthread_create(&threads[i], &attr, sleeper, &sleeps[i]);
		BENCH_CHECK(err == 0, "pthread_create %ld: %s", i, strerror(err));
	}
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	begin = bench_now_ns() - begin;
	timers_report(sleeps, n, begin, bench_cpu_s() - cpu);
	free(threads);
	free(sleeps);
	return 0;
}
