/* weft-test: label=valgrind */
/*
 * Contexts: what cancels whom, with which error and cause, deadlines, values, counts; and the background,
 * which is NULL. Each part runs in a task and on a plain thread.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

static weft_waitgroup_t wg;
static char one_key, other_key;

static weft_context_t *child_of(weft_context_t *parent)
{
	weft_context_t *ctx = weft_context_create(parent);

	CHECK(ctx != NULL);
	return ctx;
}

static weft_context_t *timed(weft_context_t *parent, int64_t duration)
{
	weft_context_t *ctx = weft_context_create_timeout(parent, duration);

	CHECK(ctx != NULL);
	return ctx;
}

static weft_context_t *with_value(weft_context_t *parent, const void *key, void *value)
{
	weft_context_t *ctx = weft_context_create_value(parent, key, value);

	CHECK(ctx != NULL);
	return ctx;
}

#define IS(ctx, err, cause)                                                                                  \
	do {                                                                                                 \
		CHECK_EQ(weft_context_err(ctx), err);                                                        \
		CHECK_EQ(weft_context_cause(ctx), cause);                                                    \
	} while (0)

/* ---- who is cancelled ---- */

static void cancelled_once(void)
{
	weft_context_t *ctx = child_of(NULL);

	IS(ctx, 0, 0);
	CHECK_EQ(weft_context_deadline(ctx), WEFT_NEVER);
	weft_context_cancel(ctx);
	IS(ctx, -ECANCELED, -ECANCELED);
	weft_context_cancel(ctx);
	weft_context_cancel_cause(ctx, -EPIPE);
	IS(ctx, -ECANCELED, -ECANCELED);
	weft_context_destroy(ctx);

	ctx = child_of(NULL);
	weft_context_cancel_cause(ctx, -EPIPE);
	weft_context_cancel_cause(ctx, -EIO);
	weft_context_cancel(ctx);
	IS(ctx, -ECANCELED, -EPIPE);
	weft_context_destroy(ctx);

	ctx = child_of(NULL);
	weft_context_cancel_cause(ctx, 42);
	IS(ctx, -ECANCELED, 42);
	weft_context_destroy(ctx);

	ctx = child_of(NULL);
	weft_context_cancel_cause(ctx, 0);
	IS(ctx, -ECANCELED, -ECANCELED);
	weft_context_destroy(ctx);
	/* One that was never cancelled. */
	weft_context_destroy(child_of(NULL));
	weft_context_release(child_of(NULL));
}

static void down_and_not_up(void)
{
	weft_context_t *root = child_of(NULL), *left = child_of(root), *right = child_of(root);
	weft_context_t *below = child_of(left), *sibling = child_of(left);

	weft_context_cancel_cause(below, 5);
	IS(below, -ECANCELED, 5);
	IS(left, 0, 0);
	IS(sibling, 0, 0);
	IS(root, 0, 0);
	weft_context_cancel_cause(left, 6);
	IS(below, -ECANCELED, 5);
	IS(left, -ECANCELED, 6);
	IS(sibling, -ECANCELED, 6);
	IS(root, 0, 0);
	IS(right, 0, 0);
	weft_context_cancel_cause(root, 7);
	IS(root, -ECANCELED, 7);
	IS(right, -ECANCELED, 7);
	IS(left, -ECANCELED, 6);
	/* Who comes too late is cancelled at once, for the same reason. */
	weft_context_destroy(right);
	right = child_of(root);
	IS(right, -ECANCELED, 7);
	weft_context_destroy(right);
	right = timed(root, WEFT_S(1000));
	IS(right, -ECANCELED, 7);
	weft_context_destroy(right);
	right = with_value(left, &one_key, &one_key);
	IS(right, -ECANCELED, 6);
	weft_context_destroy(below);
	weft_context_destroy(sibling);
	weft_context_destroy(left);
	weft_context_destroy(right);
	weft_context_destroy(root);
}

static void detached_stays(void)
{
	weft_context_t *root = timed(NULL, WEFT_S(1000)), *mid = with_value(root, &one_key, &other_key);
	weft_context_t *detached = weft_context_create_detached(mid), *below = child_of(detached);

	CHECK(detached != NULL);
	CHECK(weft_context_deadline(mid) < WEFT_NEVER);
	CHECK_EQ(weft_context_deadline(detached), WEFT_NEVER);
	CHECK_EQ(weft_context_deadline(below), WEFT_NEVER);
	weft_context_cancel(root);
	IS(mid, -ECANCELED, -ECANCELED);
	IS(detached, 0, 0);
	IS(below, 0, 0);
	CHECK(weft_context_value(below, &one_key) == &other_key);
	/* The values stay when those who gave them are gone. */
	weft_context_destroy(root);
	weft_context_destroy(mid);
	CHECK(weft_context_value(below, &one_key) == &other_key);
	CHECK(weft_context_value(detached, &one_key) == &other_key);
	IS(below, 0, 0);
	weft_context_cancel_cause(detached, 3);
	IS(below, -ECANCELED, 3);
	weft_context_destroy(detached);
	weft_context_destroy(below);
	/* Also of one that is cancelled already, and of the background. */
	root = child_of(NULL);
	weft_context_cancel(root);
	detached = weft_context_create_detached(root);
	CHECK(detached != NULL);
	IS(detached, 0, 0);
	weft_context_destroy(detached);
	weft_context_destroy(root);
	detached = weft_context_create_detached(NULL);
	CHECK(detached != NULL);
	IS(detached, 0, 0);
	weft_context_destroy(detached);
}

/* ---- deadlines ---- */

static void deadlines(void)
{
	weft_time_t near = weft_deadline_in(WEFT_S(1000)), far = weft_deadline_in(WEFT_S(2000));
	weft_context_t *outer = weft_context_create_until(NULL, near), *inner, *plain;

	/* The earliest counts. */
	CHECK(outer != NULL);
	CHECK_EQ(weft_context_deadline(outer), near);
	inner = weft_context_create_until(outer, far);
	plain = child_of(inner);
	CHECK(inner != NULL);
	CHECK_EQ(weft_context_deadline(inner), near);
	CHECK_EQ(weft_context_deadline(plain), near);
	weft_context_destroy(plain);
	weft_context_destroy(inner);
	inner = weft_context_create_until(outer, near - 1);
	CHECK(inner != NULL);
	CHECK_EQ(weft_context_deadline(inner), near - 1);
	weft_context_destroy(inner);
	inner = weft_context_create_until(outer, WEFT_NEVER);
	CHECK(inner != NULL);
	CHECK_EQ(weft_context_deadline(inner), near);
	weft_context_destroy(inner);
	inner = with_value(outer, &one_key, NULL);
	CHECK_EQ(weft_context_deadline(inner), near);
	weft_context_destroy(inner);
	weft_context_destroy(outer);

	/* None at all. */
	outer = weft_context_create_until(NULL, WEFT_NEVER);
	CHECK(outer != NULL);
	CHECK_EQ(weft_context_deadline(outer), WEFT_NEVER);
	IS(outer, 0, 0);
	weft_context_destroy(outer);
	outer = timed(NULL, INT64_MAX);
	CHECK_EQ(weft_context_deadline(outer), WEFT_NEVER);
	IS(outer, 0, 0);
	weft_context_destroy(outer);

	/* Passed already. */
	outer = weft_context_create_until(NULL, 0);
	CHECK(outer != NULL);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	CHECK_EQ(weft_context_deadline(outer), 0);
	inner = child_of(outer);
	IS(inner, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_cancel_cause(outer, 5);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_destroy(inner);
	weft_context_destroy(outer);
	outer = weft_context_create_until(NULL, INT64_MIN);
	CHECK(outer != NULL);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_destroy(outer);
	outer = timed(NULL, 0);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_destroy(outer);
	outer = timed(NULL, INT64_MIN);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_destroy(outer);
}

static void deadlines_pass(void)
{
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
	weft_context_t *outer = weft_context_create_until(NULL, deadline);
	weft_context_t *inner = timed(outer, WEFT_S(1000)), *early;

	CHECK(outer != NULL);
	CHECK_EQ(weft_context_wait(inner), 0);
	CHECK(weft_now() >= deadline);
	IS(inner, -ETIMEDOUT, -ETIMEDOUT);
	IS(outer, -ETIMEDOUT, -ETIMEDOUT);
	weft_context_destroy(inner);
	weft_context_destroy(outer);

	/* The child's deadline is the child's. */
	outer = timed(NULL, WEFT_S(1000));
	inner = timed(outer, WEFT_MS(1));
	CHECK_EQ(weft_context_wait(inner), 0);
	IS(inner, -ETIMEDOUT, -ETIMEDOUT);
	IS(outer, 0, 0);
	weft_context_destroy(inner);
	weft_context_destroy(outer);

	/* A cancel that comes before the deadline stays the reason. */
	early = timed(NULL, WEFT_MS(1));
	inner = timed(NULL, WEFT_MS(1));
	weft_context_cancel_cause(early, -EINTR);
	if (weft_context_cause(early) == -EINTR) {
		CHECK_EQ(weft_context_wait(inner), 0);
		IS(early, -ECANCELED, -EINTR);
	} else {
		IS(early, -ETIMEDOUT, -ETIMEDOUT); /* this thread was too late */
	}
	weft_context_destroy(inner);
	weft_context_destroy(early);
	/* Gone before its deadline, which then comes. */
	for (int i = 0; i < 20; i++)
		weft_context_destroy(timed(NULL, WEFT_US(i * 5)));
	for (int i = 0; i < 20; i++)
		weft_context_release(timed(NULL, WEFT_US(i * 5)));
	weft_sleep(WEFT_US(200));
}

/* ---- values ---- */

static void values(void)
{
	int a = 1, b = 2, c = 3;
	weft_context_t *first = with_value(NULL, &one_key, &a), *second = with_value(first, &other_key, &b);
	weft_context_t *timeout = timed(second, WEFT_S(1000)), *third = with_value(timeout, &one_key, &c);
	weft_context_t *empty = with_value(third, &other_key, NULL), *last = child_of(empty);

	CHECK(weft_context_value(first, &one_key) == &a);
	CHECK(weft_context_value(first, &other_key) == NULL);
	CHECK(weft_context_value(second, &one_key) == &a);
	CHECK(weft_context_value(second, &other_key) == &b);
	CHECK(weft_context_value(timeout, &one_key) == &a);
	CHECK(weft_context_value(timeout, &other_key) == &b);
	CHECK(weft_context_value(third, &one_key) == &c);
	CHECK(weft_context_value(third, &other_key) == &b);
	CHECK(weft_context_value(empty, &other_key) == NULL);
	CHECK(weft_context_value(last, &one_key) == &c);
	CHECK(weft_context_value(last, &other_key) == NULL);
	CHECK(weft_context_value(last, &a) == NULL);
	CHECK(weft_context_value(NULL, &one_key) == NULL);
	/* One with a value is cancelled as any other, and keeps the value. */
	weft_context_cancel(third);
	IS(timeout, 0, 0);
	IS(empty, -ECANCELED, -ECANCELED);
	CHECK(weft_context_value(last, &one_key) == &c);
	/* From the root to the leaf: each keeps what it needs. */
	weft_context_destroy(first);
	weft_context_destroy(second);
	weft_context_destroy(timeout);
	CHECK(weft_context_value(last, &one_key) == &c);
	CHECK(weft_context_value(third, &other_key) == &b);
	weft_context_destroy(third);
	weft_context_destroy(empty);
	CHECK(weft_context_value(last, &one_key) == &c);
	weft_context_destroy(last);
}

/* ---- counts ---- */

static void counts(void)
{
	weft_context_t *root, *mid, *leaf, *ctx = child_of(NULL);

	CHECK(weft_context_retain(ctx) == ctx);
	CHECK(weft_context_retain(ctx) == ctx);
	weft_context_release(ctx);
	IS(ctx, 0, 0);
	weft_context_destroy(ctx);
	IS(ctx, -ECANCELED, -ECANCELED);
	weft_context_release(ctx);
	CHECK(weft_context_retain(NULL) == NULL);
	weft_context_release(NULL);
	weft_context_destroy(NULL);

	/* A cancel reaches the leaf though nobody holds what is between. */
	root = child_of(NULL);
	mid = child_of(root);
	leaf = child_of(mid);
	weft_context_release(mid);
	IS(leaf, 0, 0);
	weft_context_cancel_cause(root, 9);
	IS(leaf, -ECANCELED, 9);
	weft_context_destroy(leaf);
	weft_context_destroy(root);
	/* So does a deadline. */
	root = child_of(NULL);
	mid = timed(root, WEFT_MS(1));
	leaf = child_of(mid);
	weft_context_release(mid);
	CHECK_EQ(weft_context_wait(leaf), 0);
	IS(leaf, -ETIMEDOUT, -ETIMEDOUT);
	IS(root, 0, 0);
	weft_context_destroy(leaf);
	weft_context_destroy(root);
	/* The parent is let go: nobody is left who could cancel it. */
	root = child_of(NULL);
	leaf = child_of(root);
	weft_context_release(root);
	IS(leaf, 0, 0);
	weft_context_destroy(leaf);
	/* The parent is destroyed: that cancels. */
	root = child_of(NULL);
	leaf = child_of(root);
	weft_context_destroy(root);
	IS(leaf, -ECANCELED, -ECANCELED);
	weft_context_destroy(leaf);
}

/* ---- the background ---- */

static void never(void *arg)
{
	(void)arg;
	test_fail("a function that was set on the background ran\n");
}

static void background(void)
{
	weft_after_t after;

	IS(NULL, 0, 0);
	weft_context_cancel(NULL);
	weft_context_cancel_cause(NULL, 5);
	IS(NULL, 0, 0);
	CHECK_EQ(weft_context_deadline(NULL), WEFT_NEVER);
	CHECK_EQ(weft_context_wait_until(NULL, 0), -ETIMEDOUT);
	CHECK_EQ(weft_context_wait_until(NULL, weft_deadline_in(WEFT_US(100))), -ETIMEDOUT);
	memset(&after, 0, sizeof after);
	CHECK_EQ(weft_context_after_stop(&after), 0);
	CHECK_EQ(weft_context_after(NULL, &after, never, NULL), 0);
	CHECK_EQ(weft_context_after_stop(&after), 1);
	CHECK_EQ(weft_context_after_stop(&after), 0);
}

/* ---- waiting for it ---- */

static void wait_forms(void)
{
	weft_context_t *ctx = child_of(NULL);
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));

	CHECK_EQ(weft_context_wait_until(ctx, 0), -ETIMEDOUT);
	CHECK_EQ(weft_context_wait_until(ctx, INT64_MIN), -ETIMEDOUT);
	CHECK_EQ(weft_context_wait_until(ctx, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	weft_context_cancel(ctx);
	CHECK_EQ(weft_context_wait_until(ctx, 0), 0);
	CHECK_EQ(weft_context_wait(ctx), 0);
	weft_context_destroy(ctx);
}

/* What was written before the cancel is read after the wait: plain. */
static long written;

WEFT_TASK(wait_and_read, weft_context_t *, ctx, long, expected)
{
	CHECK_EQ(weft_context_wait(ctx), 0);
	CHECK_EQ(written, expected);
	weft_waitgroup_done(&wg);
}

static void thread_waits_and_reads(void *arg)
{
	CHECK_EQ(weft_context_wait(arg), 0);
	CHECK_EQ(written, 10);
}

WEFT_TASK(poll_and_read, weft_context_t *, ctx, long, expected)
{
	while (weft_context_err(ctx) == 0)
		weft_yield();
	CHECK_EQ(written, expected);
	weft_waitgroup_done(&wg);
}

static void all_are_told(void)
{
	weft_context_t *root = child_of(NULL), *mid = child_of(root), *leaf = child_of(mid);
	struct test_thread threads[2];

	for (int i = 0; i < 2; i++)
		thread_start(&threads[i], thread_waits_and_reads, i == 0 ? root : leaf);
	for (int i = 0; i < 4; i++) {
		START(wait_and_read, root, 10);
		START(wait_and_read, mid, 10);
		START(wait_and_read, leaf, 10);
	}
	WAIT_FOR(waiting() == 12);
	START(poll_and_read, leaf, 10);
	written = 10;
	weft_context_cancel(root);
	JOIN();
	for (int i = 0; i < 2; i++)
		thread_join(&threads[i]);
	written = 0;
	weft_context_destroy(leaf);
	weft_context_destroy(mid);
	weft_context_destroy(root);
}

/* They have no count of their own: the one who destroys it lets them go. */
static void destroyed_under_waiters(void)
{
	weft_context_t *ctx = child_of(NULL);

	for (int i = 0; i < 5; i++)
		START(wait_and_read, ctx, 11);
	WAIT_FOR(held(ctx) == 5);
	written = 11;
	weft_context_destroy(ctx);
	JOIN();
	written = 0;
}

static void all(void *arg)
{
	(void)arg;
	cancelled_once();
	down_and_not_up();
	detached_stays();
	deadlines();
	deadlines_pass();
	values();
	counts();
	background();
	wait_forms();
	all_are_told();
	destroyed_under_waiters();
}

int main(void)
{
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
