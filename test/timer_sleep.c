/* weft-test: label=valgrind */
/*
 * Sleeping: never too short, in the order of the deadlines, at once for nothing, from tasks and plain
 * threads.
 */
#include "test.h"

enum { SLEEPERS = 50 };

static weft_waitgroup_t wg;
static unsigned woken; /* atomic */

static void check_sleep(int64_t duration)
{
	weft_time_t before = weft_now();

	CHECK_EQ(weft_sleep(duration), 0);
	CHECK(weft_now() - before >= duration);
	before = weft_now();
	CHECK_EQ(weft_sleep_until(before + duration), 0);
	CHECK(weft_now() >= before + duration);
}

static void durations(void *arg)
{
	static const int64_t list[] = { 1, 999, 1023, 1024, 1025, 20000, 65536, 1000000, 7654321 };

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		check_sleep(list[i]);
	/* These come back; how fast cannot be told. */
	CHECK_EQ(weft_sleep(0), 0);
	CHECK_EQ(weft_sleep(-1), 0);
	CHECK_EQ(weft_sleep(INT64_MIN), 0);
	CHECK_EQ(weft_sleep_until(0), 0);
	CHECK_EQ(weft_sleep_until(-5), 0);
	CHECK_EQ(weft_sleep_until(INT64_MIN), 0);
	CHECK_EQ(weft_sleep_until(weft_now()), 0);
}

static void *on_thread(void *arg)
{
	durations(NULL);
	return arg;
}

/*
 * Sleepers of one processor wake in the order of their deadlines, whatever the order in which they went
 * to sleep.
 */
static weft_time_t base;
static unsigned order[SLEEPERS];

static void sleeper(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	weft_sleep_until(base + WEFT_US(100) * n);
	CHECK(weft_now() >= base + WEFT_US(100) * n);
	order[at_add(&woken, 1, RELAXED)] = n;
}

static void many(void *arg)
{
	(void)arg;
	base = weft_deadline_in(WEFT_MS(20 * test_slow()));
	for (unsigned i = 0; i < SLEEPERS; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, sleeper, (void *)(uintptr_t)((i * 37 + 11) % SLEEPERS)), 0);
}

static void in_order(void)
{
	test_env("WEFT_PROCS", "1");
	CHECK_EQ(weft_run(many, NULL), 0);
	/* Now and then the machine is so slow that the first deadlines pass before all sleep. */
	bool in_time = weft_now() < base;
	weft_waitgroup_wait(&wg);
	CHECK_EQ(woken, SLEEPERS);
	bool sorted = true;
	for (unsigned i = 0; i < SLEEPERS; i++)
		sorted = sorted && order[i] == i;
	if (!CHAOS_BUILD)
		CHECK(sorted || !in_time);
}

/* Deadlines that are sums: they neither overflow nor go back. */
static void deadlines(void)
{
	weft_time_t now = weft_now();

	CHECK(now > 0);
	CHECK(weft_deadline_in(0) >= now);
	CHECK(weft_deadline_in(-WEFT_S(10)) >= now);
	CHECK(weft_deadline_in(INT64_MIN) >= now);
	CHECK(weft_deadline_in(WEFT_S(10)) >= now + WEFT_S(10));
	CHECK(weft_deadline_in(INT64_MAX) == WEFT_NEVER);
	CHECK(weft_deadline_in(WEFT_NEVER - weft_now() + WEFT_S(100)) == WEFT_NEVER);
	CHECK(weft_deadline_in(WEFT_NEVER - weft_now() - WEFT_S(100)) != WEFT_NEVER);
	CHECK_EQ(WEFT_S(1), 1000 * WEFT_MS(1));
	CHECK_EQ(WEFT_MS(1), 1000 * WEFT_US(1));
	CHECK_EQ(WEFT_US(1), 1000 * WEFT_NS(1));
}

/* Sleeps for ever, or for longer than the process lives, hold up nothing. */
static void sleep_long(void *arg)
{
	weft_sleep_until(*(weft_time_t *)arg);
	CHECK(!"woke from a sleep that has no end");
}

static void for_ever(void)
{
	static weft_time_t ends[] = { WEFT_NEVER, WEFT_NEVER - 1, WEFT_NEVER / 2, 0, 0, 0 };

	ends[3] = weft_deadline_in(WEFT_S(3600));
	ends[4] = weft_deadline_in(WEFT_S(3600) * 24 * 365);
	ends[5] = weft_deadline_in(WEFT_S(3600) * 24 * 365 * 250);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		CHECK_EQ(weft_go(sleep_long, &ends[i]), 0);
	CHECK_EQ(weft_run(durations, NULL), 0);
	WAIT_FOR(test_stats().tasks_alive == ARRAY_LEN(ends));
}

int main(void)
{
	pthread_t thread;

	deadlines();
	CHILD_ENDS(test_run_child(in_order), 0);
	CHILD_ENDS(test_run_child(for_ever), 0);
	/* From plain threads, before and after the runtime was started. */
	durations(NULL);
	test_begin();
	durations(NULL);
	CHECK_EQ(pthread_create(&thread, NULL, on_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, durations, NULL), 0);
	weft_waitgroup_wait(&wg);
	test_end();
	return 0;
}
