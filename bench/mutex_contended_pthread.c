/* mutex_contended, peer pthread. The bench is described in mutex_contended.h. */
#include "mutex_contended_threads.h"

static struct {
	alignas(BENCH_LINE) pthread_mutex_t mutex;
	struct contended_data data;
} shared = { PTHREAD_MUTEX_INITIALIZER, { 0, CONTENDED_SEED } };

static void lock(void)
{
	pthread_mutex_lock(&shared.mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&shared.mutex);
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
