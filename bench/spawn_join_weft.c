/*
 * spawn_join, peer weft: batches of empty tasks, each batch waited for. One batch of tasks that count
 * themselves comes first, outside the time: it shows that the tasks run.
 */
#include "bench_weft.h"

#include <stdatomic.h>

static struct bench_option options[] = { { "procs", 0 }, { "batch", 1000 }, { "n", 5000000 } };
static atomic_long counted;

static void empty(void *arg)
{
	(void)arg;
}

static void counting(void *arg)
{
	(void)arg;
	atomic_fetch_add(&counted, 1);
}

static inline void run_batch(weft_fn_t *fn, long batch)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	for (long i = 0; i < batch; i++) {
		int err = weft_waitgroup_go(&group, fn, NULL);
		BENCH_CHECK(err == 0, "weft_waitgroup_go: %s", weft_strerror(err));
	}
	weft_waitgroup_wait(&group);
}

static void start(void *arg)
{
	long batch = options[1].value, batches = options[2].value / batch;
	int64_t begin;

	(void)arg;
	BENCH_CHECK(batches > 0, "n is smaller than a batch");
	run_batch(counting, batch);
	BENCH_CHECK(atomic_load(&counted) == batch, "%ld of %ld tasks ran", atomic_load(&counted), batch);
	begin = bench_now_ns();
	for (long i = 0; i < batches; i++)
		run_batch(empty, batch);
	bench_emit("spawn_join", (double)(bench_now_ns() - begin) / (double)(batches * batch), "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
