/* weft-test: label=valgrind */
/*
 * Semaphores: strictly first come, first served; who gives up holds nobody up; a request that can never be
 * met holds nobody up either; the memory may go at once; and what misuse says.
 */
#include "test.h"

#include "crowd.h"

static weft_semaphore_t semaphore;
static weft_context_t *ctx;

static void basics(void *arg)
{
	weft_semaphore_t s = WEFT_SEMAPHORE_INIT(3), zeroed;
	weft_context_t *over = weft_context_create(NULL);

	(void)arg;
	CHECK(over != NULL);
	weft_context_cancel(over);
	memset(&zeroed, 0, sizeof zeroed);
	CHECK_EQ(weft_semaphore_acquire(&s, 2), 0);
	CHECK_EQ(weft_semaphore_try_acquire(&s, 2), -EAGAIN);
	CHECK_EQ(weft_semaphore_try_acquire(&s, 1), 0);
	CHECK_EQ(weft_semaphore_try_acquire(&s, 1), -EAGAIN);
	CHECK_EQ(weft_semaphore_try_acquire(&s, 0), 0);
	CHECK_EQ(weft_semaphore_acquire_until(&s, 1, 0), -ETIMEDOUT);
	CHECK_EQ(weft_semaphore_acquire_until(&s, 1, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_semaphore_acquire_ctx(&s, 1, over), -ECANCELED);
	weft_semaphore_release(&s, 1);
	/* A permit that is there is taken even when the deadline has passed. */
	CHECK_EQ(weft_semaphore_acquire_until(&s, 1, 0), 0);
	weft_semaphore_release(&s, 3);
	/* But a cancelled context ends all. */
	CHECK_EQ(weft_semaphore_acquire_ctx(&s, 3, over), -ECANCELED);
	CHECK_EQ(weft_semaphore_acquire_ctx(&s, 3, NULL), 0);
	weft_semaphore_release(&s, 0);
	weft_semaphore_release(&s, 3);
	CHECK_EQ(weft_semaphore_acquire(&s, 0), 0);
	/* More than there are in all. */
	CHECK_EQ(weft_semaphore_try_acquire(&s, 4), -EAGAIN);
	CHECK_EQ(weft_semaphore_acquire_until(&s, 4, 0), -ETIMEDOUT);
	CHECK_EQ(weft_semaphore_acquire_until(&s, INT64_MAX, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_semaphore_acquire_ctx(&s, 4, over), -ECANCELED);
	CHECK_EQ(QUEUED(&s), 0);
	CHECK_EQ(weft_semaphore_try_acquire(&zeroed, 1), -EAGAIN);
	CHECK_EQ(weft_semaphore_acquire(&zeroed, 0), 0);
	weft_context_destroy(over);
}

/* ---- the order ---- */

struct request {
	int64_t n;
	unsigned number;
	int err; /* expected */
	bool with_ctx;
};

enum { REQUESTS = 24 };

static unsigned order[REQUESTS];
static unsigned places, served; /* atomic */

static void takes(void *arg)
{
	const struct request *r = arg;
	int err = r->with_ctx
			  ? weft_semaphore_acquire_ctx(&semaphore, r->n, ctx)
			  : weft_semaphore_acquire_until(&semaphore, r->n, weft_deadline_in(WEFT_S(1000)));

	CHECK_EQ(err, r->err);
	if (err == 0) {
		order[at_add(&places, 1, RELAXED)] = r->number;
		at_add(&served, 1, RELEASE);
	}
}

/* A large request is not overtaken by small ones that would fit. */
static void not_overtaken(void)
{
	struct request large = { 3, 0, 0, false }, small = { 1, 1, 0, false };
	struct crowd crowd = { .nthreads = 0 };

	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(3);
	places = served = 0;
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 2), 0);
	crowd_add_task(&crowd, takes, &large);
	WAIT_FOR(QUEUED(&semaphore) == 1);
	crowd_add_thread(&crowd, takes, &small);
	WAIT_FOR(QUEUED(&semaphore) == 2);
	CHECK_EQ(weft_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
	CHECK_EQ(weft_semaphore_acquire_until(&semaphore, 1, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	weft_semaphore_release(&semaphore, 1);
	CHECK_EQ(QUEUED(&semaphore), 2);
	weft_semaphore_release(&semaphore, 1);
	CHECK_EQ(QUEUED(&semaphore), 1);
	WAIT_FOR(at_load(&served, ACQUIRE) == 1);
	CHECK_EQ(order[0], 0);
	weft_semaphore_release(&semaphore, 2);
	crowd_join(&crowd);
	CHECK_EQ(order[1], 1);
	weft_semaphore_release(&semaphore, 2);
	CHECK_EQ(weft_semaphore_try_acquire(&semaphore, 3), 0);
}

/* One permit after the other: first come, first served. */
static void in_order(void)
{
	struct request requests[REQUESTS];
	struct crowd crowd = { .nthreads = 0 };

	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(1);
	places = served = 0;
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	for (unsigned i = 0; i < REQUESTS; i++) {
		requests[i] = (struct request){ 1, i, 0, false };
		crowd_add(&crowd, i, takes, &requests[i]);
		WAIT_FOR(QUEUED(&semaphore) == i + 1);
	}
	for (unsigned i = 0; i < REQUESTS; i++) {
		CHECK_EQ(at_load(&served, RELAXED), i);
		weft_semaphore_release(&semaphore, 1);
		CHECK_EQ(QUEUED(&semaphore), REQUESTS - i - 1);
		WAIT_FOR(at_load(&served, ACQUIRE) == i + 1);
		CHECK_EQ(order[i], i);
	}
	crowd_join(&crowd);
}

/* One release lets as many go as fit. */
static void several(void)
{
	static const int64_t sizes[] = { 1, 2, 0, 1, 2, 1 };
	struct request requests[6];
	struct crowd crowd = { .nthreads = 0 };

	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(4);
	places = served = 0;
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 4), 0);
	for (unsigned i = 0; i < 6; i++) {
		requests[i] = (struct request){ sizes[i], i, 0, false };
		crowd_add(&crowd, i, takes, &requests[i]);
		WAIT_FOR(QUEUED(&semaphore) == i + 1);
	}
	weft_semaphore_release(&semaphore, 4);
	CHECK_EQ(QUEUED(&semaphore), 2);
	WAIT_FOR(at_load(&served, ACQUIRE) == 4);
	weft_semaphore_release(&semaphore, 3);
	crowd_join(&crowd);
	CHECK_EQ(served, 6);
	CHECK_EQ(weft_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}

/* ---- who gives up ---- */

/* The first in the queue gives up: those behind it that fit go on, and no others. */
static void first_gives_up(bool thread)
{
	struct request large = { 3, 0, -ECANCELED, true }, small = { 1, 1, 0, false },
		       more = { 2, 2, 0, false };
	struct crowd crowd = { .nthreads = 0 };

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(3);
	places = served = 0;
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	crowd_add(&crowd, thread ? 3 : 0, takes, &large);
	WAIT_FOR(QUEUED(&semaphore) == 1);
	crowd_add(&crowd, thread ? 0 : 3, takes, &small);
	WAIT_FOR(QUEUED(&semaphore) == 2);
	crowd_add_task(&crowd, takes, &small);
	WAIT_FOR(QUEUED(&semaphore) == 3);
	crowd_add_task(&crowd, takes, &more);
	WAIT_FOR(QUEUED(&semaphore) == 4);
	weft_context_cancel(ctx);
	WAIT_FOR(at_load(&served, ACQUIRE) == 2);
	CHECK_EQ(QUEUED(&semaphore), 1);
	weft_semaphore_release(&semaphore, 2);
	crowd_join(&crowd);
	CHECK_EQ(order[2], 2);
	weft_semaphore_release(&semaphore, 3);
	CHECK_EQ(weft_semaphore_try_acquire(&semaphore, 3), 0);
	weft_context_destroy(ctx);
}

/* One in the middle gives up: nobody goes on for that, and the order stays. */
static void middle_gives_up(void)
{
	struct request first = { 2, 0, 0, false }, middle = { 1, 1, -ECANCELED, true },
		       last = { 1, 2, 0, false };
	struct crowd crowd = { .nthreads = 0 };

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(2);
	places = served = 0;
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	crowd_add_task(&crowd, takes, &first);
	WAIT_FOR(QUEUED(&semaphore) == 1);
	crowd_add_thread(&crowd, takes, &middle);
	WAIT_FOR(QUEUED(&semaphore) == 2);
	crowd_add_task(&crowd, takes, &last);
	WAIT_FOR(QUEUED(&semaphore) == 3);
	weft_context_cancel(ctx);
	WAIT_FOR(QUEUED(&semaphore) == 2);
	CHECK_EQ(at_load(&served, RELAXED), 0);
	weft_semaphore_release(&semaphore, 1);
	WAIT_FOR(at_load(&served, ACQUIRE) == 1);
	CHECK_EQ(order[0], 0);
	weft_semaphore_release(&semaphore, 2);
	crowd_join(&crowd);
	CHECK_EQ(order[1], 2);
	weft_context_destroy(ctx);
}

static void too_much(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_semaphore_acquire_ctx(&semaphore, 3, ctx), -ECANCELED);
}

/* Those who ask for more than there is do not keep others from it. */
static void more_than_all(void)
{
	struct crowd crowd = { .nthreads = 0 };

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(2);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, too_much, NULL);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(weft_semaphore_acquire(&semaphore, 2), 0);
		weft_semaphore_release(&semaphore, 2);
	}
	weft_context_cancel(ctx);
	crowd_join(&crowd);
	weft_context_destroy(ctx);
}

/* ---- the memory may go at once ---- */

static void gives(void *arg)
{
	static unsigned round; /* atomic */

	if (at_add(&round, 1, RELAXED) % 3 == 0)
		weft_yield();
	weft_semaphore_release(arg, 1);
}

static void freed_at_once(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };

	(void)arg;
	for (unsigned round = 0; round < test_scaled(1000); round++) {
		weft_semaphore_t *s = calloc(1, sizeof *s);
		unsigned n = 1 + round % 4;
		CHECK(s != NULL);
		*s = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(4);
		CHECK_EQ(weft_semaphore_acquire(s, 4), 0);
		for (unsigned i = 0; i < n; i++)
			crowd_add(&crowd, round % 8 == 0 ? 3 : 0, gives, s);
		if (round % 2 == 0)
			CHECK_EQ(weft_semaphore_acquire(s, n), 0);
		else
			while (weft_semaphore_acquire_until(s, n, weft_deadline_in(round * 131 % 9000)) != 0)
				;
		memset(s, 0xa5, sizeof *s);
		free(s);
		if (crowd.nthreads >= CROWD_THREADS - 4)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- misuse ---- */

static void released_too_often(void)
{
	NOTE("semaphore %p: 2 permits given back, 1 are taken", (void *)&semaphore);
	semaphore = (weft_semaphore_t)WEFT_SEMAPHORE_INIT(5);
	CHECK_EQ(weft_semaphore_acquire(&semaphore, 1), 0);
	weft_semaphore_release(&semaphore, 2);
}

static void released_negative(void)
{
	NOTE("semaphore %p: -1 permits given back", (void *)&semaphore);
	weft_semaphore_release(&semaphore, -1);
}

static void acquired_negative(void)
{
	NOTE("semaphore %p: -1 permits", (void *)&semaphore);
	(void)weft_semaphore_acquire(&semaphore, -1);
}

static void tried_negative(void)
{
	NOTE("semaphore %p: -7 permits", (void *)&semaphore);
	(void)weft_semaphore_try_acquire(&semaphore, -7);
}

int main(void)
{
	MUST_PANIC(released_too_often, "weft_semaphore_release");
	MUST_PANIC(released_negative, "weft_semaphore_release");
	MUST_PANIC(acquired_negative, "weft_semaphore_acquire");
	MUST_PANIC(tried_negative, "weft_semaphore_acquire");
	basics(NULL);
	test_begin();
	CHECK_EQ(weft_run(basics, NULL), 0);
	for (unsigned i = 0; i < test_scaled(10); i++) {
		not_overtaken();
		in_order();
		several();
		first_gives_up(false);
		first_gives_up(true);
		middle_gives_up();
		more_than_all();
	}
	freed_at_once(NULL);
	CHECK_EQ(weft_run(freed_at_once, NULL), 0);
	test_end();
	return 0;
}
