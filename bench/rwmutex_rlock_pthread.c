/*
 * rwmutex_rlock, peer pthread: one task a processor takes and releases the read lock of one read-write lock;
 * nobody writes. Under the lock each reads a number that is not on the lock's line: what shows is what
 * readers do to each other by the lock alone. The value is the wall time until the slowest is done, per pair
 * of one task. In the end the write lock must be free to take.
 */
#include "bench.h"

#include <pthread.h>
#include <stdalign.h>

#define TASKS_MAX 64

enum { PROCS, N };
static struct bench_option options[] = { { "procs", 0 }, { "n", 20000000 } };
static pthread_barrier_t ready, gate;
static struct {
	alignas(BENCH_LINE) pthread_rwlock_t lock;
	alignas(BENCH_LINE) long number; /* protected by the lock */
} shared = { PTHREAD_RWLOCK_INITIALIZER, 3 };

static void *reader(void *arg)
{
	long n = options[N].value, sum = 0;

	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&gate);
	for (long i = 0; i < n; i++) {
		pthread_rwlock_rdlock(&shared.lock);
		sum += shared.number;
		pthread_rwlock_unlock(&shared.lock);
	}
	BENCH_CHECK(sum == 3 * n, "a reader came to %ld, not %ld", sum, 3 * n);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[TASKS_MAX];
	int64_t begin, wall_ns;

	BENCH_PARSE(argc, argv, options);
	long tasks = options[PROCS].value;
	BENCH_CHECK(tasks <= TASKS_MAX, "at most %d processors", TASKS_MAX);
	bench_bind(tasks);
	pthread_barrier_init(&ready, NULL, (unsigned)tasks + 1);
	pthread_barrier_init(&gate, NULL, (unsigned)tasks + 1);
	for (long i = 0; i < tasks; i++) {
		int err = pthread_create(&threads[i], NULL, reader, NULL);
		BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	}
	pthread_barrier_wait(&ready);
	begin = bench_now_ns();
	pthread_barrier_wait(&gate);
	for (long i = 0; i < tasks; i++)
		pthread_join(threads[i], NULL);
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(pthread_rwlock_trywrlock(&shared.lock) == 0, "somebody still reads");
	bench_emit("rwmutex_rlock", (double)wall_ns / (double)options[N].value, "ns");
	return 0;
}
