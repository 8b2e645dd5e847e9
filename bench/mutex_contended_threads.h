/* mutex_contended_threads.h - what the peers of mutex_contended share whose tasks are threads. */
#ifndef BENCH_MUTEX_CONTENDED_THREADS_H
#define BENCH_MUTEX_CONTENDED_THREADS_H

#include "mutex_contended.h"

#include <pthread.h>

static pthread_barrier_t contended_ready, contended_gate;

/* The body of one thread; inlined as contended_body. */
__attribute__((always_inline)) static inline void contended_thread(
	void *task, struct contended_data *data, void (*lock)(void), void (*unlock)(void))
{
	pthread_barrier_wait(&contended_ready);
	pthread_barrier_wait(&contended_gate);
	contended_body((struct contended_task *)task, data, lock, unlock);
}

/* The whole run of a peer: a thread for each task, on as many CPUs as the config has processors. */
static inline void contended_run(
	int argc, char **argv, void *(*fight)(void *), const struct contended_data *data)
{
	pthread_t threads[CONTENDED_TASKS_MAX];

	contended_setup(argc, argv);
	long tasks = contended_options[CONTENDED_TASKS].value;
	bench_bind(contended_options[CONTENDED_PROCS].value);
	pthread_barrier_init(&contended_ready, NULL, (unsigned)tasks + 1);
	pthread_barrier_init(&contended_gate, NULL, (unsigned)tasks + 1);
	for (long i = 0; i < tasks; i++) {
		int err = pthread_create(&threads[i], NULL, fight, &contended_tasks[i]);
		BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	}
	pthread_barrier_wait(&contended_ready);
	contended_begin();
	pthread_barrier_wait(&contended_gate);
	for (long i = 0; i < tasks; i++)
		pthread_join(threads[i], NULL);
	contended_report(data);
}

#endif /* BENCH_MUTEX_CONTENDED_THREADS_H */
