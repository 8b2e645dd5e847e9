/*
 * spawn_block_1m, peer pthread: the same with threads and a condition variable, and with as many threads as
 * a kernel takes by default, which is another config: n=10000. Its memory leaves out what the kernel keeps
 * for a thread (a stack of 16 KiB and the task itself).
 */
#include "bench.h"

#include <limits.h>
#include <pthread.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 10000 } };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects the three below */
static pthread_cond_t all_ready = PTHREAD_COND_INITIALIZER, gate = PTHREAD_COND_INITIALIZER;
static bool open_gate;
static long waiting, released;

static void *blocker(void *arg)
{
	pthread_mutex_lock(&lock);
	if (--waiting == 0)
		pthread_cond_signal(&all_ready);
	while (!open_gate)
		pthread_cond_wait(&gate, &lock);
	released++;
	pthread_mutex_unlock(&lock);
	return arg;
}

static int64_t wave(long n, pthread_t *threads, const pthread_attr_t *attr, long *blocked_kib)
{
	int64_t begin, time;

	waiting = n;
	released = 0;
	open_gate = false;
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		int err = pthread_create(&threads[i], attr, blocker, NULL);
		BENCH_CHECK(err == 0, "pthread_create %ld: %s", i, strerror(err));
	}
	pthread_mutex_lock(&lock);
	while (waiting > 0)
		pthread_cond_wait(&all_ready, &lock);
	pthread_mutex_unlock(&lock);
	time = bench_now_ns() - begin;
	BENCH_CHECK(released == 0, "the gate did not hold");
	*blocked_kib = bench_memory_kib();
	begin = bench_now_ns();
	pthread_mutex_lock(&lock);
	open_gate = true;
	pthread_cond_broadcast(&gate);
	pthread_mutex_unlock(&lock);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	time += bench_now_ns() - begin;
	BENCH_CHECK(released == n, "%ld of %ld threads were released", released, n);
	return time;
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	long n = options[1].value, before, blocked, again;
	pthread_t *threads = calloc((size_t)n, sizeof *threads);
	pthread_attr_t attr;
	int64_t first, second;

	BENCH_CHECK(threads, "no memory");
	bench_bind(options[0].value);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN);
	before = bench_memory_kib();
	first = wave(n, threads, &attr, &blocked);
	second = wave(n, threads, &attr, &again);
	bench_emit("spawn_block_1m", (double)first / 1e9, "s");
	bench_emit("spawn_block_1m_second", (double)second / 1e9, "s");
	bench_emit("spawn_block_1m_kib", (double)(blocked - before) / (double)n, "KiB");
	free(threads);
	return 0;
}
