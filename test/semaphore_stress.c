/* weft-test: timeout=300 */
/*
 * Tasks and threads take permits in any amounts, with limits that pass at any moment. There are never more
 * out than the semaphore has; all that were taken are there in the end; and all come to an end, so nobody who
 * could go on was forgotten. WEFT_TEST_SEED repeats a mix, WEFT_TEST_OPS scales it.
 */
#include "test.h"

#include "crowd.h"

enum { SIZE = 7, TASKS = 24, THREADS = 3 };

static weft_semaphore_t semaphore = WEFT_SEMAPHORE_INIT(SIZE);
static unsigned ops;
static int64_t out;                                    /* atomic */
static uint64_t served, timed_out, cancelled, not_now; /* atomic */

static void cancels(void *arg)
{
	weft_context_destroy(arg);
}

static int acquire_ctx(uint32_t *state, int64_t n)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_timer_t timer = WEFT_TIMER_INIT;
	int err;

	CHECK(ctx != NULL);
	CHECK_EQ(weft_timer_after(&timer, dice(state, 40000), cancels, weft_context_retain(ctx)), 0);
	err = weft_semaphore_acquire_ctx(&semaphore, n, ctx);
	CHECK(err == 0 || err == -ECANCELED);
	if (weft_timer_stop(&timer) == 1)
		weft_context_release(ctx);
	weft_context_release(ctx);
	return err;
}

static void one(uint32_t *state)
{
	int64_t n = dice(state, 4) == 0 ? dice(state, SIZE + 1) : dice(state, 3);
	int err;

	switch (dice(state, 8)) {
	case 0:
		err = weft_semaphore_try_acquire(&semaphore, n);
		CHECK(err == 0 || err == -EAGAIN);
		break;
	case 1:
	case 2:
	case 3:
		n += dice(state, 20) == 0 ? SIZE : 0; /* now and then more than there is */
		err = weft_semaphore_acquire_until(&semaphore, n, dice_deadline(state, 40000));
		CHECK(err == 0 || err == -ETIMEDOUT);
		break;
	case 4:
	case 5:
		err = acquire_ctx(state, n);
		break;
	default:
		err = weft_semaphore_acquire(&semaphore, n);
		CHECK_EQ(err, 0);
	}
	at_add(err == 0             ? &served
		: err == -ETIMEDOUT ? &timed_out
		: err == -EAGAIN    ? &not_now
				    : &cancelled,
		1, RELAXED);
	if (err != 0)
		return;
	CHECK(at_add(&out, n, RELAXED) + n <= SIZE);
	if (dice(state, 3) == 0)
		weft_yield();
	else if (dice(state, 8) == 0)
		weft_sleep(dice(state, 20000));
	at_sub(&out, n, RELAXED);
	while (n > 0) { /* in pieces */
		int64_t piece = 1 + dice(state, (uint32_t)n);
		weft_semaphore_release(&semaphore, piece);
		n -= piece;
	}
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
	CHECK_EQ(QUEUED(&semaphore), 0);
	CHECK_EQ(weft_semaphore_try_acquire(&semaphore, SIZE), 0);
	fprintf(stderr, "%llu served, %llu timed out, %llu cancelled, %llu not now\n",
		(unsigned long long)served, (unsigned long long)timed_out, (unsigned long long)cancelled,
		(unsigned long long)not_now);
	test_end();
	return 0;
}
