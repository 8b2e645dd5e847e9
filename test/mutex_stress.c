/* weft-test: timeout=300 */
/*
 * Tasks and threads lock a few mutexes, one of each policy, in every way there is, with limits that pass at
 * any moment, and hold them for moments or across a switch. A counter under each shows that one at a time was
 * there; that all end shows that no wake-up was lost. WEFT_TEST_SEED repeats a mix, WEFT_TEST_OPS scales it.
 */
#include "test.h"

#include "crowd.h"

enum { MUTEXES = WEFT_MUTEX_POLICIES, TASKS = 24, THREADS = 3 };

static struct {
	weft_mutex_t mutex;
	uint64_t entered; /* under the mutex */
	bool inside;
} place[MUTEXES];

static unsigned ops;
static uint64_t served, timed_out, cancelled, busy; /* atomic */

static void count(int err)
{
	at_add(err == 0             ? &served
		: err == -ETIMEDOUT ? &timed_out
		: err == -EBUSY     ? &busy
				    : &cancelled,
		1, RELAXED);
}

struct canceller {
	weft_context_t *ctx;
	int64_t delay;
};

static void cancels(void *arg)
{
	const struct canceller *c = arg;

	if (c->delay > 0)
		weft_sleep(c->delay);
	weft_context_cancel(c->ctx);
}

/* A context that is cancelled at about the time when the lock may be had. */
static int lock_ctx(weft_mutex_t *m, uint32_t *state)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	struct canceller c = { weft_context_create(NULL), (int64_t)dice(state, 60000) - 20000 };
	int err;

	CHECK(c.ctx != NULL);
	CHECK_EQ(weft_waitgroup_go(&wg, cancels, &c), 0);
	err = weft_mutex_lock_ctx(m, c.ctx);
	CHECK(err == 0 || err == -ECANCELED);
	/* Others hold the mutex only if this one does not: the canceller needs none. */
	weft_waitgroup_wait(&wg);
	weft_context_destroy(c.ctx);
	return err;
}

static void one(uint32_t *state)
{
	unsigned which = dice(state, MUTEXES) % (1 + dice(state, MUTEXES));
	weft_mutex_t *m = &place[which].mutex;
	int err;

	switch (dice(state, 8)) {
	case 0:
		err = weft_mutex_try_lock(m);
		CHECK(err == 0 || err == -EBUSY);
		break;
	case 1:
	case 2:
	case 3:
		err = weft_mutex_lock_until(m, dice_deadline(state, 40000));
		CHECK(err == 0 || err == -ETIMEDOUT);
		break;
	case 4:
		err = lock_ctx(m, state);
		break;
	default:
		err = weft_mutex_lock(m);
		CHECK_EQ(err, 0);
	}
	count(err);
	if (err != 0)
		return;
	CHECK(!place[which].inside);
	place[which].inside = true;
	place[which].entered++;
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
	place[which].inside = false;
	weft_mutex_unlock(m);
}

static void works(void *arg)
{
	uint32_t state = *(uint32_t *)arg;

	for (unsigned i = 0; i < ops; i++)
		one(&state);
}

int main(void)
{
	struct crowd crowd = { .nthreads = 0 };
	uint32_t seeds[TASKS + THREADS];
	uint64_t entered = 0;

	ops = test_ops(1000);
	for (unsigned i = 0; i < MUTEXES; i++)
		place[i].mutex = (weft_mutex_t)WEFT_MUTEX_INIT_POLICY(i);
	test_begin();
	for (unsigned i = 0; i < TASKS + THREADS; i++) {
		seeds[i] = dice_seed(i);
		if (i < TASKS)
			crowd_add_task(&crowd, works, &seeds[i]);
		else
			crowd_add_thread(&crowd, works, &seeds[i]);
	}
	crowd_join(&crowd);
	for (unsigned i = 0; i < MUTEXES; i++) {
		CHECK_EQ(QUEUED(&place[i].mutex), 0);
		CHECK_EQ(weft_mutex_try_lock(&place[i].mutex), 0);
		weft_mutex_unlock(&place[i].mutex);
		entered += place[i].entered;
	}
	CHECK_EQ(entered, served);
	CHECK_EQ(served + timed_out + cancelled + busy, (uint64_t)ops * (TASKS + THREADS));
	fprintf(stderr, "%llu served, %llu timed out, %llu cancelled, %llu busy\n",
		(unsigned long long)served, (unsigned long long)timed_out, (unsigned long long)cancelled,
		(unsigned long long)busy);
	test_end();
	return 0;
}
