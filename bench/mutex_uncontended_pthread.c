/*
 * mutex_uncontended, peer pthread: as mutex_uncontended_weft.c, by a second thread. While a process has but
 * one, glibc locks without locked operations, which is no mutex for anybody.
 */
#include "bench.h"

#include <pthread.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 80000000 } };
static struct {
	pthread_mutex_t mutex;
	long counter; /* protected by the mutex */
} shared = { PTHREAD_MUTEX_INITIALIZER, 0 };

static void *run(void *arg)
{
	long n = options[1].value;
	int64_t begin, wall_ns;

	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		pthread_mutex_lock(&shared.mutex);
		shared.counter++;
		pthread_mutex_unlock(&shared.mutex);
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(shared.counter == n, "it counted to %ld of %ld", shared.counter, n);
	bench_emit("mutex_uncontended", (double)wall_ns / (double)n, "ns");
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int err;

	BENCH_PARSE(argc, argv, options);
	bench_bind(options[0].value);
	err = pthread_create(&thread, NULL, run, NULL);
	BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	pthread_join(thread, NULL);
	return 0;
}
