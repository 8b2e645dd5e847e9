/* spawn_join, peer pthread: batches of empty threads, each batch joined; a smaller count by default. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

static struct bench_option options[] = { { "procs", 0 }, { "batch", 1000 }, { "n", 20000 } };
static atomic_long counted;

static void *empty(void *arg)
{
	return arg;
}

static void *counting(void *arg)
{
	atomic_fetch_add(&counted, 1);
	return arg;
}

static void run_batch(void *(*fn)(void *), pthread_t *threads, long batch)
{
	for (long i = 0; i < batch; i++) {
		int err = pthread_create(&threads[i], NULL, fn, NULL);
		BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	}
	for (long i = 0; i < batch; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	long batch = options[1].value, batches = options[2].value / batch;
	pthread_t *threads = calloc((size_t)batch, sizeof *threads);
	int64_t begin;

	BENCH_CHECK(threads, "no memory");
	BENCH_CHECK(batches > 0, "n is smaller than a batch");
	bench_bind(options[0].value);
	run_batch(counting, threads, batch);
	BENCH_CHECK(atomic_load(&counted) == batch, "%ld of %ld threads ran", atomic_load(&counted), batch);
	begin = bench_now_ns();
	for (long i = 0; i < batches; i++)
		run_batch(empty, threads, batch);
	bench_emit("spawn_join", (double)(bench_now_ns() - begin) / (double)(batches * batch), "ns");
	free(threads);
	return 0;
}
