/*
 * switch, peer pthread: sched_yield between threads that are bound to as many CPUs as the config has
 * processors. The kernel is free to let the caller of sched_yield run on; so the share of windows out of
 * step is told on stderr and not held against it. The bench is described in switch.h.
 */
#include "bench.h"
#include "switch.h"

#include <pthread.h>

static struct bench_option options[] = { { "procs", 0 }, { "tasks", 2 }, { "n", 300000 } };
static pthread_barrier_t barrier;

static void yield(void)
{
	sched_yield();
}

static void *yielder(void *arg)
{
	pthread_barrier_wait(&barrier);
	switch_body(arg, yield);
	return NULL;
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

int main(int argc, char **argv)
{
	pthread_t threads[SWITCH_TASKS_MAX];
	int64_t begin, end;
	long before;

	BENCH_PARSE(argc, argv, options);
	long procs = options[0].value, tasks = options[1].value;
	switch_setup(tasks, options[2].value);
	bench_bind(procs);
	pthread_barrier_init(&barrier, NULL, (unsigned)tasks + 1);
	for (long i = 0; i < tasks; i++) {
		int err = pthread_create(&threads[i], NULL, yielder, &switch_tasks[i]);
		BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	}
	before = switches();
	begin = bench_now_ns();
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < tasks; i++)
		pthread_join(threads[i], NULL);
	end = bench_now_ns();
	switch_report(procs, end - begin);
	fprintf(stderr, "switch_pthread: %ld switches of the kernel, %.0f %% of the windows out of step\n",
		switches() - before, 100 * switch_uneven());
	return 0;
}
