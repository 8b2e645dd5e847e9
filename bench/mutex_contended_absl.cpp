// mutex_contended, peer absl, without its search for deadlocks (see mutex_uncontended_absl.cpp). The bench is
// described in mutex_contended.h.
#include "mutex_contended_threads.h"

#include <absl/synchronization/mutex.h>

static struct {
	alignas(BENCH_LINE) absl::Mutex mutex;
	struct contended_data data{ 0, CONTENDED_SEED };
} shared;

static void lock()
{
	shared.mutex.Lock();
}

static void unlock()
{
	shared.mutex.Unlock();
}

static void *fight(void *task)
{
	contended_thread(task, &shared.data, lock, unlock);
	return NULL;
}

int main(int argc, char **argv)
{
	absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
	contended_run(argc, argv, fight, &shared.data);
	return 0;
}
