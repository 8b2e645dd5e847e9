/* weft-test: label=valgrind */
/*
 * Mutex, of each policy: one at a time, in the order of coming, limits, the memory may go at once, and what
 * misuse says; nobody starves. test/mutex_policy.c has what the policies differ in.
 */
#include "test.h"

#include "crowd.h"

enum { WAITERS = 24 };

static weft_mutex_t mutex;
static weft_mutex_policy_t policy;

/* An unlocked one of the policy that is under test. */
static weft_mutex_t fresh(void)
{
	weft_mutex_t m = WEFT_MUTEX_INIT_POLICY(policy);

	return m;
}

static void basics(void *arg)
{
	weft_context_t *ctx = weft_context_create(NULL), *late = weft_context_create_until(NULL, weft_now());
	weft_mutex_t zeroed = fresh();

	(void)arg;
	CHECK(ctx != NULL && late != NULL);
	weft_context_cancel(ctx);
	CHECK_EQ(weft_context_wait(late), 0);
	if (policy == WEFT_MUTEX_DEFAULT)
		memset(&zeroed, 0, sizeof zeroed);
	CHECK_EQ(weft_mutex_lock(&zeroed), 0);
	CHECK_EQ(weft_mutex_try_lock(&zeroed), -EBUSY);
	CHECK_EQ(weft_mutex_lock_until(&zeroed, 0), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_lock_until(&zeroed, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_lock_ctx(&zeroed, ctx), -ECANCELED);
	CHECK_EQ(weft_mutex_lock_ctx(&zeroed, late), -ETIMEDOUT);
	weft_mutex_unlock(&zeroed);
	/* A free one is taken even when the deadline has passed. */
	CHECK_EQ(weft_mutex_try_lock(&zeroed), 0);
	weft_mutex_unlock(&zeroed);
	CHECK_EQ(weft_mutex_lock_until(&zeroed, 0), 0);
	weft_mutex_unlock(&zeroed);
	/* But a cancelled context ends all. */
	CHECK_EQ(weft_mutex_lock_ctx(&zeroed, ctx), -ECANCELED);
	CHECK_EQ(weft_mutex_lock_ctx(&zeroed, late), -ETIMEDOUT);
	CHECK_EQ(weft_mutex_lock_ctx(&zeroed, NULL), 0);
	weft_mutex_unlock(&zeroed);
	CHECK_EQ(QUEUED(&zeroed), 0);
	weft_context_destroy(late);
	weft_context_destroy(ctx);
}

/* ---- in the order of coming; whoever unlocks ---- */

static unsigned order[WAITERS], arrived; /* under the mutex */

static void takes_turn(void *arg)
{
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	order[arrived++] = *(unsigned *)arg;
	weft_mutex_unlock(&mutex);
}

static void in_order(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[WAITERS];

	arrived = 0;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	for (unsigned i = 0; i < WAITERS; i++) {
		numbers[i] = i;
		crowd_add(&crowd, i, takes_turn, &numbers[i]);
		WAIT_FOR(QUEUED(&mutex) == i + 1);
	}
	CHECK_EQ(arrived, 0);
	weft_mutex_unlock(&mutex);
	crowd_join(&crowd);
	CHECK_EQ(arrived, WAITERS);
	for (unsigned i = 0; i < WAITERS; i++)
		CHECK_EQ(order[i], i);
}

static void unlocks(void *arg)
{
	weft_mutex_unlock(arg);
}

static void another_unlocks(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;

	(void)arg;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, unlocks, &mutex), 0);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	weft_mutex_unlock(&mutex);
	weft_waitgroup_wait(&wg);
}

/* ---- limits ---- */

static weft_context_t *ctx;
static unsigned timed_out, cancelled, served; /* atomic */

static void gives_up(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock_until(&mutex, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	at_add(&timed_out, 1, RELAXED);
}

static void is_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock_ctx(&mutex, ctx), -ECANCELED);
	at_add(&cancelled, 1, RELAXED);
}

static void is_served(void *arg)
{
	int err = *(unsigned *)arg % 2 == 0 ? weft_mutex_lock_until(&mutex, weft_deadline_in(WEFT_S(1000)))
					    : weft_mutex_lock_ctx(&mutex, ctx);

	/* One with the context may be served before the cancel or after it. */
	CHECK(err == 0 || (err == -ECANCELED && *(unsigned *)arg % 2 == 1));
	if (err != 0)
		return;
	at_add(&served, 1, RELAXED);
	weft_mutex_unlock(&mutex);
}

/* Those who give up leave from everywhere in the queue; the others stay in it. */
static void limits(void)
{
	struct crowd impatient = { .nthreads = 0 }, patient = { .nthreads = 0 };
	unsigned number = 0, odd = 1;

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	timed_out = cancelled = served = 0;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	for (unsigned i = 0; i < 12; i++) {
		if (i % 3 == 1)
			crowd_add(&patient, i / 3, is_served, &number);
		else
			crowd_add(&impatient, i, is_cancelled, NULL);
		WAIT_FOR(QUEUED(&mutex) == i + 1);
	}
	weft_context_cancel(ctx);
	crowd_join(&impatient);
	CHECK_EQ(cancelled, 8);
	CHECK_EQ(QUEUED(&mutex), 4);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&impatient, i, gives_up, NULL);
	crowd_join(&impatient);
	CHECK_EQ(timed_out, 8);
	CHECK_EQ(QUEUED(&mutex), 4);
	weft_mutex_unlock(&mutex);
	crowd_join(&patient);
	CHECK_EQ(served, 4);
	CHECK_EQ(QUEUED(&mutex), 0);

	/* The unlock and the cancel at the same time. */
	weft_context_destroy(ctx);
	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	for (unsigned i = 0; i < 6; i++)
		crowd_add(&patient, i, is_served, i % 2 == 0 ? &number : &odd);
	WAIT_FOR(QUEUED(&mutex) == 6);
	crowd_add_thread(&impatient, unlocks, &mutex);
	weft_context_cancel(ctx);
	crowd_join(&patient);
	crowd_join(&impatient);
	CHECK_EQ(weft_mutex_try_lock(&mutex), 0);
	weft_mutex_unlock(&mutex);
	weft_context_destroy(ctx);
	ctx = NULL;
}

/* ---- nobody starves ---- */

struct contest {
	weft_mutex_t mutex;
	weft_waitgroup_t gate;
	bool got_it; /* atomic */
};

static void holds_until_gate(void *arg)
{
	struct contest *c = arg;

	CHECK_EQ(weft_mutex_lock(&c->mutex), 0);
	at_store(&c->got_it, true, RELAXED);
	CHECK_EQ(weft_waitgroup_wait(&c->gate), 0);
	weft_mutex_unlock(&c->mutex);
}

static void until_queued(struct contest *c)
{
	while (QUEUED(&c->mutex) != 1)
		weft_yield();
}

/*
 * One that has waited for long and is passed by all the same gets the mutex from the next unlock, and nobody
 * passes it again. False: it was not passed, for it was too fast.
 */
static bool handed_over(void)
{
	struct contest c = { .got_it = false };
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	weft_time_t until;
	bool passed;

	weft_waitgroup_add(&c.gate, 1);
	CHECK_EQ(weft_mutex_lock(&c.mutex), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, holds_until_gate, &c), 0);
	until_queued(&c);
	until = weft_deadline_in(WEFT_MS(1));
	while (weft_now() <= until)
		;
	weft_mutex_unlock(&c.mutex);
	passed = weft_mutex_try_lock(&c.mutex) == 0;
	if (passed) {
		until_queued(&c);
		CHECK(!at_load(&c.got_it, RELAXED));
		weft_mutex_unlock(&c.mutex);
		CHECK_EQ(weft_mutex_try_lock(&c.mutex), -EBUSY);
	}
	weft_waitgroup_done(&c.gate);
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
	CHECK_EQ(weft_mutex_try_lock(&c.mutex), 0);
	return passed;
}

static void hand_over(void *arg)
{
	(void)arg;
	for (unsigned passed = 0; passed < 10;)
		passed += handed_over();
}

static unsigned lucky; /* atomic */

static void wants_it_once(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	at_add(&lucky, 1, RELAXED);
	weft_mutex_unlock(&mutex);
}

/* Holds it but for moments, until everybody else has had it. */
static void wants_it_always(void *arg)
{
	do {
		CHECK_EQ(weft_mutex_lock(&mutex), 0);
		for (volatile unsigned i = 0; i < 10000; i++)
			;
		weft_mutex_unlock(&mutex);
	} while (at_load(&lucky, RELAXED) != *(unsigned *)arg);
}

static void nobody_starves(void)
{
	struct crowd crowd = { .nthreads = 0 }, greedy = { .nthreads = 0 };
	unsigned n = WAITERS / 2;

	lucky = 0;
	crowd_add_task(&greedy, wants_it_always, &n);
	crowd_add_thread(&greedy, wants_it_always, &n);
	for (unsigned i = 0; i < n; i++)
		crowd_add(&crowd, i, wants_it_once, NULL);
	crowd_join(&crowd);
	crowd_join(&greedy);
}

/* ---- the memory may go at once ---- */

struct counted {
	weft_mutex_t mutex;
	unsigned users; /* under the mutex */
};

static void drops(void *arg)
{
	static unsigned round; /* atomic */
	unsigned n = at_add(&round, 1, RELAXED), left;
	struct counted *c = arg;

	switch (n % 4) {
	case 0:
		while (weft_mutex_lock_until(&c->mutex, weft_deadline_in(n * 131 % 20000)) != 0)
			;
		break;
	case 1:
		while (weft_mutex_try_lock(&c->mutex) != 0)
			weft_yield();
		break;
	default:
		CHECK_EQ(weft_mutex_lock(&c->mutex), 0);
	}
	left = --c->users;
	if (n % 3 == 0)
		weft_yield();
	weft_mutex_unlock(&c->mutex);
	if (left == 0) {
		memset(c, 0xa5, sizeof *c);
		free(c);
	}
}

static void freed_at_once(void)
{
	struct crowd crowd = { .nthreads = 0 };

	for (unsigned round = 0; round < test_scaled(200); round++) {
		struct counted *c = calloc(1, sizeof *c);
		unsigned n = 2 + round % 6;
		CHECK(c != NULL);
		c->mutex = fresh();
		c->users = n;
		for (unsigned i = 0; i < n; i++)
			crowd_add(&crowd, round % 4 == 0 ? i : 0, drops, c);
		if (crowd.nthreads > 4 || round % 16 == 0)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- misuse ---- */

static void not_locked(void)
{
	NOTE("weft_mutex_unlock: mutex %p is not locked", (void *)&mutex);
	weft_mutex_unlock(&mutex);
}

static void unlocked_twice(void)
{
	NOTE("weft_mutex_unlock: mutex %p is not locked", (void *)&mutex);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	weft_mutex_unlock(&mutex);
	weft_mutex_unlock(&mutex);
}

static void unlocks_in_task(void)
{
	NOTE("mutex %p is not locked\nin task 1, created at", (void *)&mutex);
	weft_run(unlocks, &mutex);
}

static void no_policy(void)
{
	memset(&mutex, 0xff, sizeof mutex);
	NOTE("weft_mutex_lock: %p is no mutex", (void *)&mutex);
	(void)weft_mutex_lock(&mutex);
}

static void each_policy(void)
{
	mutex = fresh();
	basics(NULL);
	CHECK_EQ(weft_run(basics, NULL), 0);
	CHECK_EQ(weft_run(another_unlocks, NULL), 0);
	another_unlocks(NULL);
	/* Who waits spinning is in no order, and is not to be found. */
	for (unsigned i = 0; i < test_scaled(10) && policy != WEFT_MUTEX_SPINNING; i++) {
		in_order();
		limits();
	}
	freed_at_once();
}

int main(void)
{
	MUST_PANIC(no_policy, "is no mutex");
	for (policy = 0; policy < WEFT_MUTEX_POLICIES; policy++) {
		mutex = fresh();
		MUST_PANIC(not_locked, "is not locked");
		MUST_PANIC(unlocked_twice, "is not locked");
		MUST_PANIC(unlocks_in_task, "is not locked");
	}
	test_begin();
	for (policy = 0; policy < WEFT_MUTEX_POLICIES; policy++)
		each_policy();
	policy = WEFT_MUTEX_DEFAULT;
	mutex = fresh();
	hand_over(NULL);
	CHECK_EQ(weft_run(hand_over, NULL), 0);
	nobody_starves();
	test_end();
	return 0;
}
