/* weft-test: env=WEFT_PROCS=1 */
/*
 * What the policies of a mutex promise and what they do not: who gets it that was just unlocked, when a mutex
 * begins to hand over and when it ends, who gives way. On one processor, so that nobody runs before the
 * caller lets it; the counters of weft_stats_read tell what happened.
 */
#include "test.h"

#include "crowd.h"

static weft_mutex_t mutex;
static weft_waitgroup_t all;
static unsigned got; /* how many have had it; under the mutex */

static void use(weft_mutex_policy_t policy)
{
	mutex = (weft_mutex_t)WEFT_MUTEX_INIT_POLICY(policy);
	got = 0;
}

static void wants_it(void *arg)
{
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	got++;
	if (arg != NULL)
		weft_yield();
	weft_mutex_unlock(&mutex);
}

/* One more sleeps in the queue. The mutex is locked. */
static void queue_one(void *arg)
{
	unsigned before = QUEUED(&mutex);

	CHECK_EQ(weft_waitgroup_go(&all, wants_it, arg), 0);
	while (QUEUED(&mutex) == before)
		weft_yield();
}

static void burn(int64_t ns)
{
	weft_time_t until = weft_deadline_in(ns);

	while (weft_now() <= until)
		;
}

static void lock(void)
{
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
}

/* All have had it, and nothing is left in the mutex. */
static void end(weft_mutex_policy_t policy, unsigned n)
{
	weft_mutex_t unlocked = WEFT_MUTEX_INIT_POLICY(policy);

	CHECK_EQ(weft_waitgroup_wait(&all), 0);
	CHECK_EQ(got, n);
	CHECK(memcmp(&mutex, &unlocked, sizeof mutex) == 0);
}

static void names(void)
{
	static const char *const expected[] = { "default", "barging", "handoff", "spinning", "go1.8",
		"go1.9" };

	for (unsigned i = 0; i < WEFT_MUTEX_POLICIES; i++)
		CHECK(strcmp(weft_mutex_policy_name((weft_mutex_policy_t)i), expected[i]) == 0);
	CHECK(weft_mutex_policy_name((weft_mutex_policy_t)WEFT_MUTEX_POLICIES) == NULL);
	CHECK(weft_mutex_policy_name((weft_mutex_policy_t)-1) == NULL);
}

/* Always to the first who waits, so that nobody passes; without a wait it is as any other. */
static void handoff(void)
{
	uint64_t before = test_stats().mutex_handoffs;

	use(WEFT_MUTEX_HANDOFF);
	lock();
	for (int i = 0; i < 3; i++)
		queue_one(NULL);
	weft_mutex_unlock(&mutex);
	if (weft_mutex_try_lock(&mutex) != 0)
		lock();
	CHECK_EQ(got, 3);
	weft_mutex_unlock(&mutex);
	/* The caller itself waited, unless it lost its processor before and the others were done by then. */
	CHECK(test_stats().mutex_handoffs - before == 4 || test_stats().mutex_handoffs - before == 3);
	end(WEFT_MUTEX_HANDOFF, 3);
}

/*
 * The unlocked mutex is anybody's, however long somebody waits: one that is woken finds it taken again. Who
 * has waited is nobody special.
 */
static void barging(weft_mutex_policy_t policy)
{
	weft_stats_t before = test_stats(), after;

	use(policy);
	lock();
	queue_one(NULL);
	queue_one(NULL);
	for (int i = 0; i < 5; i++) {
		burn(WEFT_MS(2));
		weft_mutex_unlock(&mutex);
		CHECK_EQ(weft_mutex_try_lock(&mutex), 0);
		while (QUEUED(&mutex) != 2)
			weft_yield();
		CHECK_EQ(got, 0);
	}
	weft_mutex_unlock(&mutex);
	end(policy, 2);
	after = test_stats();
	CHECK_EQ(after.mutex_handoffs, before.mutex_handoffs);
	CHECK_EQ(after.mutex_starving, before.mutex_starving);
}

/* Nobody sleeps, so nobody is queued. */
static void spinning(void)
{
	uint64_t before = test_stats().mutex_waits;

	use(WEFT_MUTEX_SPINNING);
	lock();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_waitgroup_go(&all, wants_it, NULL), 0);
	for (int i = 0; i < 10; i++)
		weft_yield();
	CHECK_EQ(QUEUED(&mutex), 0);
	CHECK_EQ(weft_mutex_lock_until(&mutex, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(got, 0);
	weft_mutex_unlock(&mutex);
	end(WEFT_MUTEX_SPINNING, 3);
	CHECK_EQ(test_stats().mutex_waits, before);
}

/*
 * One that has waited for a millisecond and is passed begins the starving mode. In it each unlock hands over;
 * who comes then does not get it before those that wait. The last that waits ends it.
 */
static void starving(void)
{
	weft_stats_t before = test_stats(), after;

	use(WEFT_MUTEX_GO19);
	lock();
	queue_one(NULL);
	burn(WEFT_MS(1));
	CHECK_EQ(test_stats().mutex_starving, before.mutex_starving);
	weft_mutex_unlock(&mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), 0);
	while (QUEUED(&mutex) != 1)
		weft_yield();
	/* It has lost. */
	CHECK_EQ(got, 0);
	CHECK_EQ(test_stats().mutex_starving, before.mutex_starving + 1);
	weft_mutex_unlock(&mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), -EBUSY);
	lock();
	CHECK_EQ(got, 1);
	weft_mutex_unlock(&mutex);
	end(WEFT_MUTEX_GO19, 1);
	after = test_stats();
	CHECK_EQ(after.mutex_starving, before.mutex_starving + 1);
	CHECK_EQ(after.mutex_recovered, before.mutex_recovered + 1);
	CHECK(after.mutex_handoffs > before.mutex_handoffs);
}

/* In the starving mode: the one who gets it ends it when it has waited for less than a millisecond. */
static bool recovers_before_the_last(void)
{
	weft_stats_t before = test_stats();
	weft_time_t came;
	bool sooner;

	use(WEFT_MUTEX_GO19);
	lock();
	queue_one(NULL);
	burn(WEFT_MS(1));
	weft_mutex_unlock(&mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), 0);
	while (QUEUED(&mutex) != 1)
		weft_yield();
	CHECK_EQ(test_stats().mutex_starving, before.mutex_starving + 1);
	came = weft_now();
	queue_one(&mutex); /* yields while it holds it */
	queue_one(NULL);
	/* To the first, which has starved; from that to the second, which has not, and ends it. */
	weft_mutex_unlock(&mutex);
	while (got < 2)
		weft_yield();
	sooner = test_stats().mutex_recovered == before.mutex_recovered + 1;
	if (weft_now() - came < WEFT_MS(1))
		CHECK(sooner);
	end(WEFT_MUTEX_GO19, 3);
	CHECK_EQ(test_stats().mutex_recovered, before.mutex_recovered + 1);
	return sooner;
}

static void recovers(void)
{
	while (!recovers_before_the_last())
		;
}

/* The timed-out ones that waited in the starving mode leave nothing of it behind. */
static void gives_up(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock_until(&mutex, weft_deadline_in(WEFT_MS(4))), -ETIMEDOUT);
}

static void starves_in_vain(void)
{
	use(WEFT_MUTEX_GO19);
	lock();
	CHECK_EQ(weft_waitgroup_go(&all, gives_up, NULL), 0);
	while (QUEUED(&mutex) != 1)
		weft_yield();
	burn(WEFT_MS(1));
	weft_mutex_unlock(&mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), 0);
	while (QUEUED(&mutex) != 1 && at_load(&mutex.weft__state, RELAXED) & 4)
		weft_yield();
	CHECK_EQ(weft_waitgroup_wait(&all), 0);
	weft_mutex_unlock(&mutex);
	end(WEFT_MUTEX_GO19, 0);
}

/* The default: who locks and unlocks and does nothing else gives way to those who wait. */
static void gives_way(void)
{
	weft_stats_t before = test_stats(), after;

	use(WEFT_MUTEX_DEFAULT);
	lock();
	for (int i = 0; i < 4; i++)
		queue_one(NULL);
	weft_mutex_unlock(&mutex);
	for (bool done = false; !done;) {
		lock();
		done = got == 4;
		weft_mutex_unlock(&mutex);
	}
	end(WEFT_MUTEX_DEFAULT, 4);
	after = test_stats();
	CHECK(after.mutex_yields > before.mutex_yields);
}

/*
 * One that holds it for 100 us at a time and wants it always, against one that wants it ten times: golang's
 * own test of fairness.
 */
static void hogs(void *arg)
{
	do {
		lock();
		burn(WEFT_US(100));
		weft_mutex_unlock(&mutex);
	} while (!at_load((bool *)arg, RELAXED));
}

static void hog(weft_mutex_policy_t policy)
{
	bool done = false; /* atomic */

	use(policy);
	CHECK_EQ(weft_waitgroup_go(&all, hogs, &done), 0);
	for (int i = 0; i < 10; i++) {
		weft_sleep(WEFT_US(100));
		lock();
		weft_mutex_unlock(&mutex);
	}
	at_store(&done, true, RELAXED);
	end(policy, 0);
}

static void start(void *arg)
{
	(void)arg;
	handoff();
	spinning();
	gives_way();
	hog(WEFT_MUTEX_DEFAULT);
	hog(WEFT_MUTEX_HANDOFF);
	hog(WEFT_MUTEX_GO19);
	if (CHAOS_BUILD)
		return; /* no patience, and who is woken may run elsewhere at once */
	barging(WEFT_MUTEX_BARGING);
	barging(WEFT_MUTEX_GO18);
	starving();
	recovers();
	starves_in_vain();
}

int main(void)
{
	names();
	test_begin();
	CHECK_EQ(weft_run(start, NULL), 0);
	test_end();
	return 0;
}
