/* rwmutex_rlock, peer weft: as rwmutex_rlock_pthread.c. */
#include "bench_weft.h"

#include <stdalign.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 20000000 } };
static weft_waitgroup_t ready = WEFT_WAITGROUP_INIT, gate = WEFT_WAITGROUP_INIT, ended = WEFT_WAITGROUP_INIT;
static struct {
	alignas(BENCH_LINE) weft_rwmutex_t lock;
	alignas(BENCH_LINE) long number; /* protected by the lock */
} shared = { WEFT_RWMUTEX_INIT, 3 };

static void reader(void *arg)
{
	long n = options[1].value, sum = 0;

	(void)arg;
	weft_waitgroup_done(&ready);
	BENCH_OK(weft_waitgroup_wait(&gate));
	for (long i = 0; i < n; i++) {
		BENCH_OK(weft_rwmutex_rlock(&shared.lock));
		sum += shared.number;
		weft_rwmutex_runlock(&shared.lock);
	}
	BENCH_CHECK(sum == 3 * n, "a reader came to %ld, not %ld", sum, 3 * n);
}

static void start(void *arg)
{
	long tasks = options[0].value;
	int64_t begin, wall_ns;

	(void)arg;
	weft_waitgroup_add(&ready, (int)tasks);
	weft_waitgroup_add(&gate, 1);
	for (long i = 0; i < tasks; i++)
		BENCH_OK(weft_waitgroup_go(&ended, reader, NULL));
	BENCH_OK(weft_waitgroup_wait(&ready));
	begin = bench_now_ns();
	weft_waitgroup_done(&gate);
	BENCH_OK(weft_waitgroup_wait(&ended));
	wall_ns = bench_now_ns() - begin;
	BENCH_OK(weft_rwmutex_try_lock(&shared.lock)); /* else somebody still reads */
	bench_emit("rwmutex_rlock", (double)wall_ns / (double)options[1].value, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
