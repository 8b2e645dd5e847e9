// mutex_uncontended, peer absl: as mutex_uncontended_weft.c, by absl::Mutex. Its search for deadlocks is off,
// which a library built with assertions (Debian's) does by default at twice the cost.
#include "bench.h"

#include <absl/synchronization/mutex.h>

static struct bench_option options[] = { { "procs", 0 }, { "n", 80000000 } };
static struct {
	absl::Mutex mutex;
	long counter; // protected by the mutex
} shared;

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
	long n = options[1].value;
	bench_bind(options[0].value);
	int64_t begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		shared.mutex.Lock();
		shared.counter++;
		shared.mutex.Unlock();
	}
	int64_t wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(shared.counter == n, "it counted to %ld of %ld", shared.counter, n);
	bench_emit("mutex_uncontended", (double)wall_ns / (double)n, "ns");
	return 0;
}
