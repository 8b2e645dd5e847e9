/* weft-test: timeout=300 */
/*
 * Tasks and threads lock a few read-write mutexes in every way there is, with limits that pass at any moment,
 * and hold them for moments or across a switch, after which a task may be elsewhere. Under each lock are
 * numbers that a writer makes equal; who sees them differ was not kept away from a writer. That all end shows
 * that no wake-up was lost. Now and then a lock is only read for a while, so that its readers count in slots.
 * WEFT_TEST_SEED repeats a mix, WEFT_TEST_OPS scales it.
 */
#include "test.h"

#include "crowd.h"

enum { LOCKS = 3, TASKS = 24, THREADS = 3, NUMBERS = 4, SLOTS = 4 /* as in rwmutex.c */ };

static struct {
	weft_rwmutex_t lock;
	weft_cond_t cond;
	uint64_t number[NUMBERS];  /* under the lock */
	uint32_t readers, writers; /* atomic */
} place[LOCKS];

static unsigned ops;
static uint64_t written, read_, timed_out, cancelled, busy, in_slots; /* atomic */

static void count(int err, bool write)
{
	at_add(err == 0             ? write ? &written : &read_
		: err == -ETIMEDOUT ? &timed_out
		: err == -EBUSY     ? &busy
				    : &cancelled,
		1, RELAXED);
}

static void cancels(void *arg)
{
	weft_context_destroy(arg);
}

/* A context that is cancelled at about the time when the lock may be had. */
static int lock_ctx(weft_rwmutex_t *lock, bool write, uint32_t *state)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_timer_t timer = WEFT_TIMER_INIT;
	int err;

	CHECK(ctx != NULL);
	CHECK_EQ(weft_timer_after(&timer, dice(state, 40000), cancels, weft_context_retain(ctx)), 0);
	err = write ? weft_rwmutex_lock_ctx(lock, ctx) : weft_rwmutex_rlock_ctx(lock, ctx);
	CHECK(err == 0 || err == -ECANCELED);
	if (weft_timer_stop(&timer) == 1)
		weft_context_release(ctx);
	weft_context_release(ctx);
	return err;
}

static int get(weft_rwmutex_t *lock, bool write, uint32_t *state)
{
	int err;

	switch (dice(state, 8)) {
	case 0:
		err = write ? weft_rwmutex_try_lock(lock) : weft_rwmutex_try_rlock(lock);
		CHECK(err == 0 || err == -EBUSY);
		return err;
	case 1:
	case 2:
		err = write ? weft_rwmutex_lock_until(lock, dice_deadline(state, 40000))
			    : weft_rwmutex_rlock_until(lock, dice_deadline(state, 40000));
		CHECK(err == 0 || err == -ETIMEDOUT);
		return err;
	case 3:
		return lock_ctx(lock, write, state);
	default:
		err = write ? weft_rwmutex_lock(lock) : weft_rwmutex_rlock(lock);
		CHECK_EQ(err, 0);
		return err;
	}
}

static void lingers(uint32_t *state)
{
	switch (dice(state, 8)) {
	case 0:
		weft_yield();
		break;
	case 1:
		weft_sleep(dice(state, 20000));
		break;
	case 2:
		for (volatile uint32_t i = dice(state, 3000); i > 0; i--)
			;
		break;
	}
}

static void writes(unsigned which, uint32_t *state)
{
	uint64_t next = place[which].number[0] + 1;

	for (unsigned again = dice(state, 16) == 0; again < 2; again++) {
		CHECK_EQ(at_add(&place[which].writers, 1, RELAXED), 0);
		CHECK_EQ(at_load(&place[which].readers, RELAXED), 0);
		CHECK_EQ(place[which].number[NUMBERS - 1], place[which].number[0]);
		place[which].number[0] = next;
		lingers(state);
		for (unsigned i = 1; i < NUMBERS; i++)
			place[which].number[i] = next;
		at_sub(&place[which].writers, 1, RELAXED);
		if (again == 0)
			(void)weft_cond_wait_write_until(
				&place[which].cond, &place[which].lock, dice_deadline(state, 20000));
		next = place[which].number[0];
	}
	weft_rwmutex_unlock(&place[which].lock);
	if (dice(state, 4) == 0)
		weft_cond_broadcast(&place[which].cond);
}

static void reads(unsigned which, uint32_t *state)
{
	uint64_t number;

	for (unsigned again = dice(state, 16) == 0; again < 2; again++) {
		at_add(&place[which].readers, 1, RELAXED);
		CHECK_EQ(at_load(&place[which].writers, RELAXED), 0);
		number = place[which].number[0];
		lingers(state);
		for (unsigned i = 0; i < NUMBERS; i++)
			CHECK_EQ(place[which].number[i], number);
		at_sub(&place[which].readers, 1, RELAXED);
		if (again == 0)
			(void)weft_cond_wait_read_until(
				&place[which].cond, &place[which].lock, dice_deadline(state, 20000));
	}
	weft_rwmutex_runlock(&place[which].lock);
	if (dice(state, 4) == 0)
		weft_cond_signal(&place[which].cond);
}

/* Many reads in a row, in the hope that no writer comes in between. */
static void reads_on(unsigned which)
{
	weft_rwmutex_t *lock = &place[which].lock;

	at_store(&lock->weft__shared_until, 0, RELAXED);
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(weft_rwmutex_rlock(lock), 0);
		CHECK_EQ(place[which].number[0], place[which].number[1]);
		weft_rwmutex_runlock(lock);
	}
	if (at_load(&lock->weft__state, RELAXED) & SLOTS)
		at_add(&in_slots, 1, RELAXED);
}

static void works(void *arg)
{
	uint32_t state = *(uint32_t *)arg;

	for (unsigned i = 0; i < ops; i++) {
		unsigned which = dice(&state, 2 * LOCKS) % (1 + dice(&state, LOCKS));
		bool write = dice(&state, 6) == 0;
		int err = get(&place[which].lock, write, &state);

		count(err, write);
		if (err == 0 && write)
			writes(which, &state);
		else if (err == 0)
			reads(which, &state);
		if (dice(&state, 16) == 0)
			reads_on(which);
	}
}

int main(void)
{
	struct crowd crowd = { .nthreads = 0 };
	uint32_t seeds[TASKS + THREADS];

	ops = test_ops(1000);
	test_begin();
	for (unsigned i = 0; i < TASKS + THREADS; i++) {
		seeds[i] = dice_seed(i);
		if (i < TASKS)
			crowd_add_task(&crowd, works, &seeds[i]);
		else
			crowd_add_thread(&crowd, works, &seeds[i]);
	}
	crowd_join(&crowd);
	for (unsigned i = 0; i < LOCKS; i++) {
		CHECK_EQ(weft_rwmutex_try_lock(&place[i].lock), 0);
		weft_rwmutex_unlock(&place[i].lock);
		CHECK_EQ(at_load(&place[i].lock.weft__state, RELAXED), 0);
		CHECK_EQ(QUEUED(&place[i].cond), 0);
	}
	CHECK_EQ(written + read_ + timed_out + cancelled + busy, (uint64_t)ops * (TASKS + THREADS));
	if (ops >= 100 && weft__barriers_unequal)
		CHECK(in_slots > 0);
	fprintf(stderr, "%llu written, %llu read, %llu timed out, %llu cancelled, %llu busy, %llu in slots\n",
		(unsigned long long)written, (unsigned long long)read_, (unsigned long long)timed_out,
		(unsigned long long)cancelled, (unsigned long long)busy, (unsigned long long)in_slots);
	test_end();
	return 0;
}
