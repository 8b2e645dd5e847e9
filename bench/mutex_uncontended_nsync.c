/* mutex_uncontended, peer nsync: as mutex_uncontended_weft.c. */
#include "bench.h"

#include <nsync.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 80000000 } };
static struct {
	nsync_mu mutex;
	long counter; /* protected by the mutex */
} shared = { NSYNC_MU_INIT, 0 };

int main(int argc, char **argv)
{
	int64_t begin, wall_ns;

	BENCH_PARSE(argc, argv, options);
	long n = options[1].value;
	bench_bind(options[0].value);
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		nsync_mu_lock(&shared.mutex);
		shared.counter++;
		nsync_mu_unlock(&shared.mutex);
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(shared.counter == n, "it counted to %ld of %ld", shared.counter, n);
	bench_emit("mutex_uncontended", (double)wall_ns / (double)n, "ns");
	return 0;
}
