/* mutex_contended, peer nsync. The bench is described in mutex_contended.h. */
#include "mutex_contended_threads.h"

#include <nsync.h>

static struct {
	alignas(BENCH_LINE) nsync_mu mutex;
	struct contended_data data;
} shared = { NSYNC_MU_INIT, { 0, CONTENDED_SEED } };

static void lock(void)
{
	nsync_mu_lock(&shared.mutex);
}

static void unlock(void)
{
	nsync_mu_unlock(&shared.mutex);
}

static void *fight(void *task)
{
	contended_thread(task, &shared.data, lock, unlock);
	return NULL;
}

int main(int argc, char **argv)
{
	contended_run(argc, argv, fight, &shared.data);
	return 0;
}
