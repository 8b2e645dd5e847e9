/* mutex_contended, peer weft. The bench is described in mutex_contended.h. */
#include "bench_weft.h"
#include "mutex_contended.h"

static weft_waitgroup_t ready = WEFT_WAITGROUP_INIT, gate = WEFT_WAITGROUP_INIT, ended = WEFT_WAITGROUP_INIT;
static struct {
	alignas(BENCH_LINE) weft_mutex_t mutex;
	struct contended_data data;
} shared = { WEFT_MUTEX_INIT, { 0, CONTENDED_SEED } };

static void lock(void)
{
	BENCH_OK(weft_mutex_lock(&shared.mutex));
}

static void unlock(void)
{
	weft_mutex_unlock(&shared.mutex);
}

static void fight(void *task)
{
	weft_waitgroup_done(&ready);
	BENCH_OK(weft_waitgroup_wait(&gate));
	contended_body(task, &shared.data, lock, unlock);
}

static void start(void *arg)
{
	long tasks = contended_options[CONTENDED_TASKS].value;

	(void)arg;
	weft_waitgroup_add(&ready, (int)tasks);
	weft_waitgroup_add(&gate, 1);
	for (long i = 0; i < tasks; i++)
		BENCH_OK(weft_waitgroup_go(&ended, fight, &contended_tasks[i]));
	BENCH_OK(weft_waitgroup_wait(&ready));
	contended_begin();
	weft_waitgroup_done(&gate);
	BENCH_OK(weft_waitgroup_wait(&ended));
	contended_report(&shared.data);
}

int main(int argc, char **argv)
{
	contended_setup(argc, argv);
	bench_weft_run(contended_options[CONTENDED_PROCS].value, start, NULL);
	return 0;
}
