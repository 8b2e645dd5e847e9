/* weft-test: label=valgrind */
/* Wait groups: counting, waiting with and without deadline, many waiters, reuse; and what misuse says. */
#include "test.h"

enum { WAITERS = 50 };

static weft_waitgroup_t group, ends;
static unsigned passed;

static void add_one(void *arg)
{
	(*(int *)arg)++; /* plain: each done happens before the wait returns */
}

static void done_later(void *arg)
{
	weft_sleep(WEFT_MS(2));
	weft_waitgroup_done(arg);
}

static void counting(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	weft_time_t deadline;
	int n = 0;

	(void)arg;
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
	CHECK_EQ(weft_waitgroup_wait_until(&wg, 0), 0);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(weft_waitgroup_go(&wg, add_one, &n), 0);
		CHECK_EQ(weft_waitgroup_wait(&wg), 0);
		CHECK_EQ(n, i + 1);
	}
	weft_waitgroup_add(&wg, 5);
	weft_waitgroup_add(&wg, -3);
	CHECK_EQ(weft_waitgroup_wait_until(&wg, 0), -ETIMEDOUT);
	weft_waitgroup_add(&wg, 0);
	weft_waitgroup_done(&wg);
	CHECK_EQ(weft_waitgroup_wait_until(&wg, INT64_MIN), -ETIMEDOUT);
	deadline = weft_deadline_in(WEFT_MS(1));
	CHECK_EQ(weft_waitgroup_wait_until(&wg, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	weft_waitgroup_done(&wg);
	/* Zero beats a deadline that has passed. */
	CHECK_EQ(weft_waitgroup_wait_until(&wg, 0), 0);

	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(weft_go(done_later, &wg), 0);
	CHECK_EQ(weft_waitgroup_wait_until(&wg, weft_deadline_in(WEFT_S(100))), 0);
	weft_waitgroup_add(&wg, INT32_MAX);
	CHECK_EQ(weft_waitgroup_wait_until(&wg, weft_now()), -ETIMEDOUT);
	weft_waitgroup_add(&wg, -INT32_MAX);
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
}

static void waits(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_wait(&group), 0);
	at_add(&passed, 1, RELAXED);
}

static void *waits_on_thread(void *arg)
{
	waits(arg);
	return NULL;
}

static void gives_up(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_wait_until(&group, weft_deadline_in(WEFT_US(200))), -ETIMEDOUT);
}

/* Tasks and threads wait for one group; some between them give up. */
static void many_waiters(void)
{
	weft_waitgroup_t impatient = WEFT_WAITGROUP_INIT;
	pthread_t threads[3];

	passed = 0;
	weft_waitgroup_add(&group, 2);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(weft_waitgroup_go(&ends, waits, NULL), 0);
		if (i % 5 == 0)
			CHECK_EQ(weft_waitgroup_go(&impatient, gives_up, NULL), 0);
	}
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, waits_on_thread, NULL), 0);
	gives_up(NULL);
	weft_waitgroup_wait(&impatient);
	weft_waitgroup_done(&group);
	gives_up(NULL);
	CHECK_EQ(at_load(&passed, RELAXED), 0);
	weft_waitgroup_done(&group);
	weft_waitgroup_wait(&ends);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(passed, WAITERS + 3);
}

/* ---- misuse ---- */

static void negative(void)
{
	NOTE("group %p", (void *)&group);
	weft_waitgroup_done(&group);
}

static void negative_by_many(void)
{
	NOTE("group %p: negative counter (-4)", (void *)&group);
	weft_waitgroup_add(&group, 3);
	weft_waitgroup_add(&group, -7);
}

static void too_many(void)
{
	NOTE("group %p", (void *)&group);
	weft_waitgroup_add(&group, INT32_MAX);
	weft_waitgroup_add(&group, 1);
}

static void done_too_often(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&group);
	NOTE("in task %llu, created at test/waitgroup_basic.c:", (unsigned long long)weft_task_id());
	weft_waitgroup_done(&group);
}

static void negative_in_task(void)
{
	weft_waitgroup_add(&group, 1);
	weft_run(done_too_often, NULL);
}

int main(void)
{
	MUST_PANIC(negative, "negative counter");
	MUST_PANIC(negative_by_many, "negative counter");
	MUST_PANIC(too_many, "counter too large");
	MUST_PANIC(negative_in_task, "negative counter");
	/* Not misuse: nothing is started by counting. */
	counting(NULL);
	test_begin();
	counting(NULL);
	CHECK_EQ(weft_run(counting, NULL), 0);
	for (unsigned i = 0; i < test_scaled(20); i++)
		many_waiters();
	test_end();
	return 0;
}
