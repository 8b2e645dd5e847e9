/*
 * Ten thousand timers, armed in random order from several threads and tasks: all fire, none early, and
 * those of one processor in the order of their times, which shows in the ids of the tasks that they
 * start.
 */
#include "test.h"

enum { THREADS = 3 };

struct timed {
	weft_timer_t timer;
	weft_time_t when;
	uint64_t id; /* of the task that it started */
};

static struct timed *timers;
static unsigned ntimers, fired;
static weft_waitgroup_t wg;
static weft_time_t base;

static void note(void *arg)
{
	struct timed *t = arg;

	CHECK(weft_now() >= t->when);
	t->id = weft_task_id();
	at_add(&fired, 1, RELAXED);
	weft_waitgroup_done(&wg);
}

static weft_time_t time_for(unsigned i)
{
	/*
	 * Over 50 ms; a multiplier that has no factor in common with the count visits them all, out of
	 * order.
	 */
	return base + (int64_t)((uint64_t)i * 7919 % ntimers) * (WEFT_MS(50) / ntimers);
}

static void arm_share(unsigned share, unsigned of)
{
	for (unsigned i = share; i < ntimers; i += of) {
		timers[i].when = time_for(i);
		CHECK_EQ(weft_timer_at(&timers[i].timer, timers[i].when, note, &timers[i]), 0);
		if (i % 100 == 0)
			weft_yield();
	}
}

static void *arm_on_thread(void *arg)
{
	arm_share((unsigned)(uintptr_t)arg, 2 * THREADS);
	return NULL;
}

static void arm_in_task(void *arg)
{
	arm_share((unsigned)(uintptr_t)arg, 2 * THREADS);
	weft_waitgroup_done(&wg);
}

static int by_time(const void *a, const void *b)
{
	const struct timed *x = a, *y = b;

	return x->when < y->when ? -1 : x->when > y->when;
}

static void from_everywhere(void)
{
	pthread_t threads[THREADS];

	test_begin();
	base = weft_deadline_in(WEFT_MS(5));
	weft_waitgroup_add(&wg, (int)ntimers + THREADS);
	for (uintptr_t i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_create(&threads[i], NULL, arm_on_thread, (void *)i), 0);
		CHECK_EQ(weft_go(arm_in_task, (void *)(i + THREADS)), 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, ntimers);
	test_end();
}

static void on_one_processor(void)
{
	bool all_in_time;

	test_env("WEFT_PROCS", "1");
	test_begin();
	base = weft_deadline_in(WEFT_MS(20 * test_slow()));
	weft_waitgroup_add(&wg, (int)ntimers);
	arm_share(0, 1);
	all_in_time = weft_now() < base;
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, ntimers);
	/*
	 * Where the machine was too slow to arm them all before the first was due, there is no order to
	 * check.
	 */
	if (all_in_time && !CHAOS_BUILD) {
		qsort(timers, ntimers, sizeof *timers, by_time);
		for (unsigned i = 1; i < ntimers; i++)
			CHECK(timers[i].id > timers[i - 1].id);
	}
	test_end();
}

int main(void)
{
	ntimers = test_scaled(10000);
	timers = calloc(ntimers, sizeof *timers);
	CHECK(timers != NULL);
	CHILD_ENDS(test_run_child(on_one_processor), 0);
	from_everywhere();
	free(timers);
	return 0;
}
