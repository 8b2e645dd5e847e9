/*
 * spawn_block_1m, peer weft: n tasks start, block, and end together, in two waves of one process.
 *
 * Each task tells `ready`, waits for `gate` and tells `done`. The time of a wave is from the first spawn to
 * the last end, less the moment at which all are blocked and memory is read (first wave).
 */
#include "bench_weft.h"

#include <stdatomic.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 1000000 } };
static weft_waitgroup_t ready, gate, done;
static atomic_long released; /* tasks that went through the gate */

static void blocker(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&ready);
	weft_waitgroup_wait(&gate);
	atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
	weft_waitgroup_done(&done);
}

/* Returns the wave's time; *blocked_kib is the memory while all were blocked. */
static int64_t wave(long n, long *blocked_kib)
{
	int64_t begin, time;

	atomic_store(&released, 0);
	begin = bench_now_ns();
	weft_waitgroup_add(&ready, (int)n);
	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&done, (int)n);
	for (long i = 0; i < n; i++)
		BENCH_GO(blocker, NULL);
	weft_waitgroup_wait(&ready);
	time = bench_now_ns() - begin;
	BENCH_CHECK(atomic_load(&released) == 0, "the gate did not hold");
	*blocked_kib = bench_memory_kib();
	begin = bench_now_ns();
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	time += bench_now_ns() - begin;
	BENCH_CHECK(atomic_load(&released) == n, "%ld of %ld tasks were released", atomic_load(&released), n);
	return time;
}

static void start(void *arg)
{
	long n = options[1].value, before = bench_memory_kib(), blocked, again;
	int64_t first, second;

	(void)arg;
	first = wave(n, &blocked);
	second = wave(n, &again);
	bench_emit("spawn_block_1m", (double)first / 1e9, "s");
	bench_emit("spawn_block_1m_second", (double)second / 1e9, "s");
	bench_emit("spawn_block_1m_kib", (double)(blocked - before) / (double)n, "KiB");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
