/*
 * mutex_uncontended, peer weft: one task locks and unlocks a mutex that nobody else wants; per pair. Under
 * the lock it counts. The counter is beside the mutex, whose address the calls get: no compiler keeps it in a
 * register over them, or makes one pair of two.
 */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 80000000 } };
static struct {
	weft_mutex_t mutex;
	long counter; /* protected by the mutex */
} shared = { WEFT_MUTEX_INIT, 0 };

static void start(void *arg)
{
	long n = options[1].value;
	int64_t begin, wall_ns;

	(void)arg;
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		BENCH_OK(weft_mutex_lock(&shared.mutex));
		shared.counter++;
		weft_mutex_unlock(&shared.mutex);
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(shared.counter == n, "it counted to %ld of %ld", shared.counter, n);
	bench_emit("mutex_uncontended", (double)wall_ns / (double)n, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
