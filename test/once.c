/* weft-test: label=valgrind */
/*
 * Once: the function runs one time, has returned before any call does, and what misuse says. Values that are
 * made once.
 */
#include "test.h"

#include "crowd.h"

enum { CALLERS = 40 };

static weft_once_t once;
static weft_waitgroup_t gate;
static unsigned runs, returned; /* atomic */
static int made;                /* plain: each return happens after it was written */

static void make(void *arg)
{
	at_add(&runs, 1, RELAXED);
	if (arg != NULL)
		CHECK_EQ(weft_waitgroup_wait(arg), 0);
	else
		weft_yield();
	made = 42;
}

static void reset(void)
{
	once = (weft_once_t)WEFT_ONCE_INIT;
	runs = returned = 0;
	made = 0;
}

static void never(void *arg)
{
	(void)arg;
	test_fail("ran a second time\n");
}

static void sequence(void *arg)
{
	weft_once_t zeroed;
	weft_context_t *ctx = weft_context_create(NULL);

	(void)arg;
	CHECK(ctx != NULL);
	weft_context_cancel(ctx);
	memset(&zeroed, 0, sizeof zeroed);
	reset();
	/* The limit does not bound the function. */
	CHECK_EQ(weft_once_do_until(&once, make, NULL, 0), 0);
	CHECK_EQ(made, 42);
	CHECK_EQ(weft_once_do(&once, never, NULL), 0);
	/* Done beats a deadline that has passed, but not a cancelled context. */
	CHECK_EQ(weft_once_do_until(&once, never, NULL, 0), 0);
	CHECK_EQ(weft_once_do_ctx(&once, never, NULL, ctx), -ECANCELED);
	CHECK_EQ(runs, 1);
	CHECK_EQ(weft_once_do_ctx(&zeroed, never, NULL, ctx), -ECANCELED);
	CHECK_EQ(weft_once_do_ctx(&zeroed, make, NULL, NULL), 0);
	CHECK_EQ(weft_once_do_ctx(&zeroed, never, NULL, NULL), 0);
	CHECK_EQ(runs, 2);
	weft_context_destroy(ctx);
}

/* ---- many callers ---- */

static void calls(void *arg)
{
	CHECK_EQ(weft_once_do(&once, make, arg), 0);
	CHECK_EQ(made, 42);
	at_add(&returned, 1, RELAXED);
}

static void calls_until(void *arg)
{
	CHECK_EQ(weft_once_do_until(&once, make, arg, weft_deadline_in(WEFT_S(1000))), 0);
	CHECK_EQ(made, 42);
	at_add(&returned, 1, RELAXED);
}

/* All come while the function runs. */
static void all_wait(void)
{
	struct crowd crowd = { .nthreads = 0 };

	reset();
	weft_waitgroup_add(&gate, 1);
	for (unsigned i = 0; i < CALLERS; i++)
		crowd_add(&crowd, i, i % 3 == 0 ? calls_until : calls, &gate);
	WAIT_FOR(QUEUED(&once) == CALLERS - 1);
	CHECK_EQ(at_load(&returned, RELAXED), 0);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	CHECK_EQ(runs, 1);
	CHECK_EQ(returned, CALLERS);
	CHECK_EQ(QUEUED(&once), 0);
}

/* They come when they come. */
static void all_race(void)
{
	struct crowd crowd = { .nthreads = 0 };

	reset();
	for (unsigned i = 0; i < CALLERS; i++)
		crowd_add(&crowd, i, calls, NULL);
	crowd_join(&crowd);
	CHECK_EQ(runs, 1);
	CHECK_EQ(returned, CALLERS);
}

/* ---- limits ---- */

static weft_context_t *cancelled_soon;

static void gives_up_on_time(void *arg)
{
	CHECK_EQ(weft_once_do_until(&once, never, NULL, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	at_add((unsigned *)arg, 1, RELAXED);
}

static void is_cancelled(void *arg)
{
	CHECK_EQ(weft_once_do_ctx(&once, never, NULL, cancelled_soon), -ECANCELED);
	at_add((unsigned *)arg, 1, RELAXED);
}

static void limits(void)
{
	weft_context_t *over = weft_context_create_until(NULL, weft_now());
	struct crowd crowd = { .nthreads = 0 }, patient = { .nthreads = 0 };
	unsigned gave_up = 0;

	cancelled_soon = weft_context_create(NULL);
	CHECK(cancelled_soon != NULL && over != NULL);
	reset();
	weft_waitgroup_add(&gate, 1);
	crowd_add_task(&patient, calls, &gate);
	WAIT_FOR(at_load(&runs, RELAXED) == 1);
	CHECK_EQ(weft_once_do_until(&once, never, NULL, 0), -ETIMEDOUT);
	CHECK_EQ(weft_once_do_until(&once, never, NULL, weft_deadline_in(WEFT_US(100))), -ETIMEDOUT);
	CHECK_EQ(weft_context_wait(over), 0);
	CHECK_EQ(weft_once_do_ctx(&once, never, NULL, over), -ETIMEDOUT);
	crowd_add_task(&patient, calls, NULL);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, is_cancelled, &gave_up);
	WAIT_FOR(QUEUED(&once) == 9);
	crowd_add_thread(&patient, calls, NULL);
	WAIT_FOR(QUEUED(&once) == 10);
	weft_context_cancel(cancelled_soon);
	crowd_join(&crowd);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&crowd, i, gives_up_on_time, &gave_up);
	crowd_join(&crowd);
	CHECK_EQ(gave_up, 16);
	/* Those who have patience still wait. */
	CHECK_EQ(QUEUED(&once), 2);
	CHECK_EQ(at_load(&returned, RELAXED), 0);
	weft_waitgroup_done(&gate);
	crowd_join(&patient);
	CHECK_EQ(returned, 3);
	CHECK_EQ(runs, 1);
	weft_context_destroy(cancelled_soon);
	weft_context_destroy(over);
}

/* ---- the memory may go with the last return ---- */

struct shared {
	weft_once_t once;
	unsigned users; /* atomic */
	int made;
};

static void make_shared(void *arg)
{
	struct shared *s = arg;

	if (at_load(&s->users, RELAXED) % 2 == 0)
		weft_yield();
	s->made = 1;
}

static void uses(void *arg)
{
	static unsigned round; /* atomic */
	unsigned n = at_add(&round, 1, RELAXED);
	struct shared *s = arg;
	int err = -ETIMEDOUT;

	if (n % 3 == 0)
		err = weft_once_do_until(&s->once, make_shared, s, weft_deadline_in(n * 131 % 30000));
	if (err != 0)
		CHECK_EQ(weft_once_do(&s->once, make_shared, s), 0);
	CHECK_EQ(s->made, 1);
	if (at_sub(&s->users, 1, ACQ_REL) == 1) {
		memset(s, 0xa5, sizeof *s);
		free(s);
	}
}

static void freed_at_once(void)
{
	struct crowd crowd = { .nthreads = 0 };

	for (unsigned round = 0; round < test_scaled(400); round++) {
		struct shared *s = calloc(1, sizeof *s);
		unsigned n = 2 + round % 5;
		CHECK(s != NULL);
		s->users = n;
		for (unsigned i = 0; i < n; i++)
			crowd_add(&crowd, round % 4 == 0 ? i : 0, uses, s);
		if (crowd.nthreads > 4)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- values ---- */

static weft_once_value_t value_once;

static void *make_value(void *arg)
{
	at_add(&runs, 1, RELAXED);
	weft_yield();
	return arg;
}

static void *make_slowly(void *arg)
{
	CHECK_EQ(weft_waitgroup_wait(arg), 0);
	return arg;
}

static void gets(void *arg)
{
	void *value = NULL;

	CHECK_EQ(weft_once_value(&value_once, make_value, arg, &value), 0);
	CHECK(value == &runs);
	CHECK_EQ(weft_once_value_until(&value_once, NULL, NULL, &value, 0), 0);
	CHECK(value == &runs);
}

static void gets_slowly(void *arg)
{
	weft_once_value_t *o = arg;
	void *value = NULL;

	CHECK_EQ(weft_once_value(o, make_slowly, &gate, &value), 0);
	CHECK(value == &gate);
}

static void values(void)
{
	weft_once_value_t slow = WEFT_ONCE_VALUE_INIT;
	weft_context_t *ctx = weft_context_create(NULL);
	struct crowd crowd = { .nthreads = 0 };
	void *value = &slow;

	CHECK(ctx != NULL);
	reset();
	value_once = (weft_once_value_t)WEFT_ONCE_VALUE_INIT;
	for (unsigned i = 0; i < CALLERS; i++)
		crowd_add(&crowd, i, gets, &runs);
	crowd_join(&crowd);
	CHECK_EQ(runs, 1);

	weft_waitgroup_add(&gate, 1);
	crowd_add_task(&crowd, gets_slowly, &slow);
	crowd_add_thread(&crowd, gets_slowly, &slow);
	WAIT_FOR(QUEUED(&slow.weft__once) == 1);
	CHECK_EQ(weft_once_value_until(&slow, NULL, NULL, &value, 0), -ETIMEDOUT);
	weft_context_cancel(ctx);
	CHECK_EQ(weft_once_value_ctx(&slow, NULL, NULL, &value, ctx), -ECANCELED);
	CHECK(value == &slow);
	weft_waitgroup_done(&gate);
	crowd_join(&crowd);
	CHECK_EQ(weft_once_value_ctx(&slow, NULL, NULL, &value, ctx), -ECANCELED);
	CHECK(value == &slow);
	CHECK_EQ(weft_once_value_ctx(&slow, NULL, NULL, &value, NULL), 0);
	CHECK(value == &gate);
	weft_context_destroy(ctx);
}

/* ---- one in another; misuse ---- */

static void nested(void *arg)
{
	CHECK_EQ(weft_once_do(arg, make, NULL), 0);
}

static void nesting(void)
{
	weft_once_t inner = WEFT_ONCE_INIT;

	reset();
	CHECK_EQ(weft_once_do(&once, nested, &inner), 0);
	CHECK_EQ(runs, 1);
}

static void again(void *arg)
{
	weft_yield();
	(void)weft_once_do_until(arg, never, NULL, 0);
}

static void recursion_on_thread(void)
{
	NOTE("once %p", (void *)&once);
	(void)weft_once_do(&once, again, &once);
}

static void recurses(void *arg)
{
	(void)weft_once_do(arg, again, arg);
}

static void recursion_in_task(void)
{
	NOTE("once %p", (void *)&once);
	weft_run(recurses, &once);
}

static void *value_again(void *arg)
{
	(void)weft_once_value(arg, value_again, arg, &arg);
	return NULL;
}

static void recursion_of_value(void)
{
	void *value;

	NOTE("once %p", (void *)&value_once);
	(void)weft_once_value(&value_once, value_again, &value_once, &value);
}

int main(void)
{
	MUST_PANIC(recursion_on_thread, "called by the function that it runs");
	MUST_PANIC(recursion_in_task, "called by the function that it runs");
	MUST_PANIC(recursion_of_value, "called by the function that it runs");
	sequence(NULL);
	test_begin();
	CHECK_EQ(weft_run(sequence, NULL), 0);
	nesting();
	for (unsigned i = 0; i < test_scaled(20); i++) {
		all_wait();
		all_race();
		limits();
		values();
	}
	freed_at_once();
	test_end();
	return 0;
}
