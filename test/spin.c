/* weft-test: label=valgrind */
/*
 * Spin lock: one at a time, in tasks and plain threads; a holder that parks, and more who wait than there are
 * processors; the memory may go at once; the guards; and what misuse says.
 */
#include "test.h"

#include "crowd.h"
#include <sched.h>

enum { MEMBERS = 16 };

static weft_spin_t spin = WEFT_SPIN_INIT;

static void basics(void *arg)
{
	weft_spin_t zeroed;

	(void)arg;
	CHECK_EQ(sizeof zeroed, 4);
	memset(&zeroed, 0, sizeof zeroed);
	weft_spin_lock(&zeroed);
	CHECK_EQ(weft_spin_try_lock(&zeroed), -EBUSY);
	weft_spin_unlock(&zeroed);
	CHECK_EQ(weft_spin_try_lock(&zeroed), 0);
	CHECK_EQ(weft_spin_try_lock(&zeroed), -EBUSY);
	weft_spin_unlock(&zeroed);
	/* The functions behind the macros. */
	(weft_spin_lock)(&zeroed);
	CHECK_EQ(weft_spin_try_lock(&zeroed), -EBUSY);
	(weft_spin_unlock)(&zeroed);
	CHECK_EQ(weft_spin_try_lock(&zeroed), 0);
}

/* ---- one at a time ---- */

static unsigned long counter, twin; /* under the spin lock, and always equal */
static unsigned rounds;

static void counts(void *arg)
{
	unsigned number = *(unsigned *)arg;

	for (unsigned i = 0; i < rounds; i++) {
		if (i % 16 != number % 16)
			weft_spin_lock(&spin);
		else
			while (weft_spin_try_lock(&spin) != 0)
				weft_yield();
		CHECK_EQ(counter, twin);
		counter++;
		/* As if the kernel had taken the holder off its core. */
		if (i % 64 == number)
			sched_yield();
		twin++;
		weft_spin_unlock(&spin);
		if (i % 32 == 0)
			weft_yield();
	}
}

static void one_at_a_time(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[MEMBERS];

	counter = twin = 0;
	rounds = test_scaled(20000);
	for (unsigned i = 0; i < MEMBERS; i++) {
		numbers[i] = i;
		crowd_add(&crowd, i, counts, &numbers[i]);
	}
	crowd_join(&crowd);
	CHECK_EQ(counter, (unsigned long)rounds * MEMBERS);
	CHECK_EQ(twin, counter);
}

/* ---- a holder that parks, which it must not ---- */

static unsigned waiting; /* atomic */

static void wants_it(void *arg)
{
	(void)arg;
	at_add(&waiting, 1, RELAXED);
	weft_spin_lock(&spin);
	counter++;
	weft_spin_unlock(&spin);
}

/* All processors spin for it by then: the runtime must find another thread for the one who holds it. */
static void parks_with_it(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	unsigned n = *(unsigned *)arg;

	weft_spin_lock(&spin);
	counter = 0;
	at_store(&waiting, 0, RELAXED);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, wants_it, NULL), 0);
	while (at_load(&waiting, RELAXED) != n)
		CHECK_EQ(weft_sleep(WEFT_MS(1)), 0);
	CHECK_EQ(counter, 0);
	weft_spin_unlock(&spin);
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
	CHECK_EQ(counter, n);
}

static void holder_parks(void)
{
	unsigned n = (unsigned)weft_procs() + 2;

	CHECK_EQ(weft_run(parks_with_it, &n), 0);
}

/* ---- the memory may go at once ---- */

struct counted {
	weft_spin_t spin;
	unsigned users; /* under the spin lock */
};

static void drops(void *arg)
{
	struct counted *c = arg;
	unsigned left;

	weft_spin_lock(&c->spin);
	left = --c->users;
	weft_spin_unlock(&c->spin);
	if (left == 0) {
		memset(c, 0xa5, sizeof *c);
		free(c);
	}
}

static void freed_at_once(void)
{
	struct crowd crowd = { .nthreads = 0 };

	for (unsigned round = 0; round < test_scaled(400); round++) {
		struct counted *c = calloc(1, sizeof *c);
		CHECK(c != NULL);
		c->users = 4;
		for (unsigned i = 0; i < 4; i++)
			crowd_add(&crowd, round % 4 == 0 ? i : 0, drops, c);
		if (crowd.nthreads > 4 || round % 16 == 0)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- guards ---- */

static weft_mutex_t mutex, inner_mutex;

static void both_held(bool held)
{
	int err = held ? -EBUSY : 0;

	CHECK_EQ(weft_spin_try_lock(&spin), err);
	CHECK_EQ(weft_mutex_try_lock(&mutex), err);
	if (!held) {
		weft_spin_unlock(&spin);
		weft_mutex_unlock(&mutex);
	}
}

static int returns(int value)
{
	WEFT_MUTEX_GUARD(&mutex);
	WEFT_SPIN_GUARD(&spin);

	both_held(true);
	if (value == 1)
		return 10;
	both_held(true);
	/* The value is made before the guards let go. */
	return weft_spin_try_lock(&spin) == -EBUSY ? 20 : 30;
}

static void leaves_loops(void)
{
	unsigned rounds_left = 5;

	for (unsigned i = 0; i < 4; i++) {
		WEFT_MUTEX_GUARD(&mutex);
		WEFT_SPIN_GUARD(&spin);
		both_held(true);
		if (i == 1)
			continue;
		if (i == 2)
			break;
	}
	both_held(false);
again:
	both_held(false);
	{
		WEFT_MUTEX_GUARD(&mutex);
		WEFT_SPIN_GUARD(&spin);
		both_held(true);
		if (--rounds_left > 2)
			goto again;
		if (rounds_left == 2)
			goto out;
		CHECK(false);
	}
out:
	CHECK_EQ(rounds_left, 2);
	both_held(false);
}

static void nests(void)
{
	weft_mutex_t *chosen[] = { &inner_mutex, &mutex };
	unsigned i = 0;

	WEFT_MUTEX_GUARD(&mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), -EBUSY);
	CHECK_EQ(weft_mutex_try_lock(&inner_mutex), 0);
	weft_mutex_unlock(&inner_mutex);
	{
		/* The argument is evaluated once. */
		WEFT_MUTEX_GUARD(chosen[i++]);
		CHECK_EQ(i, 1);
		CHECK_EQ(weft_mutex_try_lock(&inner_mutex), -EBUSY);
	}
	CHECK_EQ(i, 1);
	CHECK_EQ(weft_mutex_try_lock(&inner_mutex), 0);
	weft_mutex_unlock(&inner_mutex);
	CHECK_EQ(weft_mutex_try_lock(&mutex), -EBUSY);
}

static void guards(void *arg)
{
	(void)arg;
	CHECK_EQ(returns(1), 10);
	both_held(false);
	CHECK_EQ(returns(2), 20);
	both_held(false);
	leaves_loops();
	nests();
	both_held(false);
}

static void guarded_count(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < rounds; i++) {
		WEFT_MUTEX_GUARD(&mutex);
		counter++;
		if (i % 64 == 0)
			weft_yield();
	}
}

static void guarded_crowd(void)
{
	struct crowd crowd = { .nthreads = 0 };

	counter = 0;
	rounds = test_scaled(2000);
	for (unsigned i = 0; i < MEMBERS; i++)
		crowd_add(&crowd, i, guarded_count, NULL);
	crowd_join(&crowd);
	CHECK_EQ(counter, (unsigned long)rounds * MEMBERS);
}

/* ---- misuse ---- */

static void not_locked(void)
{
	NOTE("weft_spin_unlock: spin lock %p is not locked", (void *)&spin);
	weft_spin_unlock(&spin);
}

static void unlocked_twice(void)
{
	NOTE("weft_spin_unlock: spin lock %p is not locked", (void *)&spin);
	weft_spin_lock(&spin);
	(weft_spin_unlock)(&spin);
	(weft_spin_unlock)(&spin);
}

static void unlocks(void *arg)
{
	weft_spin_unlock(arg);
}

static void unlocks_in_task(void)
{
	NOTE("spin lock %p is not locked\nin task 1, created at", (void *)&spin);
	weft_run(unlocks, &spin);
}

static void unlocked_in_guard(void)
{
	WEFT_SPIN_GUARD(&spin);

	NOTE("weft_spin_unlock: spin lock %p is not locked", (void *)&spin);
	weft_spin_unlock(&spin);
}

int main(void)
{
	MUST_PANIC(not_locked, "is not locked");
	MUST_PANIC(unlocked_twice, "is not locked");
	MUST_PANIC(unlocks_in_task, "is not locked");
	MUST_PANIC(unlocked_in_guard, "is not locked");
	basics(NULL);
	test_begin();
	CHECK_EQ(weft_run(basics, NULL), 0);
	guards(NULL);
	CHECK_EQ(weft_run(guards, NULL), 0);
	one_at_a_time();
	holder_parks();
	guarded_crowd();
	freed_at_once();
	test_end();
	return 0;
}
