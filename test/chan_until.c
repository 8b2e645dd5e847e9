/* weft-test: label=valgrind */
/*
 * Channels with a deadline or a context, and NULL for a channel: what passes, what is left as it was. Each
 * part runs in a task and on a plain thread.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

typedef WEFT_CHAN(long) longs_t;

static weft_waitgroup_t wg;

static longs_t new_channel(size_t capacity)
{
	longs_t ch = WEFT_CHAN_CREATE(long, capacity);

	CHECK(ch != NULL);
	return ch;
}

/* Nobody waits on it any more, and it holds what it should. */
static void end_channel(longs_t ch, size_t len)
{
	long v = 0;

	CHECK_EQ(WEFT_CHAN_LEN(ch), len);
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(WEFT_TRY_RECV(ch, &v), 1);
	CHECK_EQ(WEFT_TRY_RECV(ch, &v), -EAGAIN);
	WEFT_CHAN_DESTROY(ch);
}

/* ---- NULL ---- */

static void no_channel(void)
{
	weft_context_t *cancelled = new_context(true);
	weft_context_t *timed = weft_context_create_timeout(NULL, WEFT_MS(1));
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
	longs_t ch = NULL;
	long v = 5;

	CHECK(timed != NULL);
	CHECK_EQ(WEFT_TRY_SEND(ch, 1), -EAGAIN);
	CHECK_EQ(WEFT_TRY_RECV(ch, &v), -EAGAIN);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 1, 0), -ETIMEDOUT);
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, 0), -ETIMEDOUT);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 1, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	deadline = weft_deadline_in(WEFT_MS(1));
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(WEFT_SEND_CTX(ch, 1, cancelled), -ECANCELED);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, cancelled), -ECANCELED);
	CHECK_EQ(WEFT_SEND_CTX(ch, 1, timed), -ETIMEDOUT);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, timed), -ETIMEDOUT);
	CHECK_EQ(v, 5);
	CHECK_EQ(WEFT_CHAN_LEN(ch), 0);
	CHECK_EQ(WEFT_CHAN_CAP(ch), 0);
	WEFT_CHAN_DESTROY(ch);
	weft_context_destroy(cancelled);
	weft_context_destroy(timed);
}

WEFT_TASK(send_to_nobody, weft_context_t *, ctx)
{
	longs_t ch = NULL;

	CHECK_EQ(WEFT_SEND_CTX(ch, 1, ctx), -ECANCELED);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(receive_from_nobody, weft_context_t *, ctx)
{
	longs_t ch = NULL;
	long v = 6;

	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), -ECANCELED);
	CHECK_EQ(v, 6);
	weft_waitgroup_done(&wg);
}

static void no_channel_cancelled(void)
{
	weft_context_t *ctx = new_context(false);

	START(send_to_nobody, ctx);
	START(receive_from_nobody, ctx);
	WAIT_FOR(waiting() == 2);
	weft_context_cancel(ctx);
	JOIN();
	weft_context_destroy(ctx);
}

/* Waits for ever, as it should; the process ends without it. */
static void waits_for_ever(void)
{
	longs_t ch = NULL;

	test_begin();
	weft_context_t *ctx = new_context(false);
	START(send_to_nobody, NULL);
	START(receive_from_nobody, ctx);
	WAIT_FOR(waiting() == 2);
	/* Who is counted as waiting may not hold the context yet: it is given up when the call is over. */
	weft_context_cancel(ctx);
	WAIT_FOR(waiting() == 1);
	weft_context_destroy(ctx);
	CHECK_EQ(WEFT_TRY_RECV(ch, NULL), -EAGAIN);
	NOTE("still waits");
}

/* ---- what is there is taken, however late it is; but not with a context that is cancelled ---- */

WEFT_TASK(receives, longs_t, ch, long, expected)
{
	long v = -1;

	CHECK_EQ(WEFT_RECV(ch, &v), 1);
	CHECK_EQ(v, expected);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(sends, longs_t, ch, long, value)
{
	CHECK_EQ(WEFT_SEND(ch, value), 0);
	weft_waitgroup_done(&wg);
}

static void late_but_there(void)
{
	static const weft_time_t times[] = { 0, -1, INT64_MIN, 1 };
	longs_t ch = new_channel(1);
	long v = 0;

	/* From and to the buffer. */
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		CHECK_EQ(WEFT_SEND_UNTIL(ch, 10 + (long)i, times[i]), 0);
		CHECK_EQ(WEFT_SEND_UNTIL(ch, 0, times[i]), -ETIMEDOUT);
		CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, times[i]), 1);
		CHECK_EQ(v, 10 + (long)i);
		CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, times[i]), -ETIMEDOUT);
	}
	end_channel(ch, 0);
	/* From hand to hand. */
	ch = new_channel(0);
	START(receives, ch, 1);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 1, 0), 0);
	JOIN();
	START(sends, ch, 3);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, 0), 1);
	CHECK_EQ(v, 3);
	JOIN();
	/* The end. */
	WEFT_CLOSE(ch);
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, 0), 0);
	CHECK_EQ(v, 0);
	WEFT_CHAN_DESTROY(ch);
}

static void nothing_when_over(weft_context_t *ctx, int err)
{
	longs_t ch = new_channel(1);
	long v = 7;

	/* There is room, then an element, then one who waits; and the end. */
	CHECK_EQ(WEFT_SEND_CTX(ch, 1, ctx), err);
	CHECK_EQ(WEFT_CHAN_LEN(ch), 0);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), err);
	CHECK_EQ(WEFT_SEND(ch, 2), 0);
	CHECK_EQ(WEFT_SEND_CTX(ch, 1, ctx), err);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), err);
	CHECK_EQ(v, 7);
	START(sends, ch, 3);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), err);
	CHECK_EQ(WEFT_RECV(ch, &v), 1);
	CHECK_EQ(v, 2);
	JOIN();
	CHECK_EQ(WEFT_RECV(ch, &v), 1);
	CHECK_EQ(v, 3);
	START(receives, ch, 4);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(WEFT_SEND_CTX(ch, 5, ctx), err);
	CHECK_EQ(WEFT_SEND(ch, 4), 0);
	JOIN();
	WEFT_CLOSE(ch);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), err);
	CHECK_EQ(v, 3);
	/* Not sent, so no misuse either. */
	CHECK_EQ(WEFT_SEND_CTX(ch, 5, ctx), err);
	WEFT_CHAN_DESTROY(ch);
}

static void over(void)
{
	weft_context_t *cancelled = new_context(true), *timed = weft_context_create_until(NULL, 0);
	weft_context_t *child = weft_context_create(cancelled);

	CHECK(timed != NULL && child != NULL);
	nothing_when_over(cancelled, -ECANCELED);
	nothing_when_over(child, -ECANCELED);
	nothing_when_over(timed, -ETIMEDOUT);
	weft_context_destroy(child);
	weft_context_destroy(cancelled);
	weft_context_destroy(timed);
}

/* ---- deadlines and cancels that come while it waits ---- */

static void deadline_passes(size_t capacity)
{
	longs_t ch = new_channel(capacity);
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
	weft_context_t *ctx;
	long v = 8;

	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(v, 8);
	for (size_t i = 0; i < capacity; i++)
		CHECK_EQ(WEFT_SEND_UNTIL(ch, (long)i, deadline), 0);
	deadline = weft_deadline_in(WEFT_MS(1));
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 99, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);

	deadline = weft_deadline_in(WEFT_MS(1));
	ctx = weft_context_create_until(NULL, deadline);
	CHECK(ctx != NULL);
	CHECK_EQ(WEFT_SEND_CTX(ch, 99, ctx), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(WEFT_SEND_CTX(ch, 99, ctx), -ETIMEDOUT);
	weft_context_destroy(ctx);
	end_channel(ch, capacity);
	ch = new_channel(capacity);
	deadline = weft_deadline_in(WEFT_MS(1));
	ctx = weft_context_create_until(NULL, deadline);
	CHECK(ctx != NULL);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(v, 8);
	weft_context_destroy(ctx);
	end_channel(ch, 0);
}

WEFT_TASK(receive_cancelled, longs_t, ch, weft_context_t *, ctx)
{
	long v = 4;

	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), -ECANCELED);
	CHECK_EQ(v, 4);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(send_cancelled, longs_t, ch, weft_context_t *, ctx)
{
	CHECK_EQ(WEFT_SEND_CTX(ch, 99, ctx), -ECANCELED);
	weft_waitgroup_done(&wg);
}

/* The context of those that wait is cancelled, or an ancestor of it. */
static void cancelled_while_it_waits(size_t capacity, bool by_parent)
{
	weft_context_t *parent = new_context(false), *ctx = weft_context_create(parent);
	longs_t ch = new_channel(capacity), full = new_channel(capacity);

	CHECK(ctx != NULL);
	for (size_t i = 0; i < capacity; i++)
		CHECK_EQ(WEFT_SEND(full, (long)i), 0);
	for (unsigned i = 0; i < 3; i++) {
		START(receive_cancelled, ch, ctx);
		START(send_cancelled, full, ctx);
	}
	WAIT_FOR(waiting() == 6);
	weft_context_cancel(by_parent ? parent : ctx);
	JOIN();
	end_channel(ch, 0);
	end_channel(full, capacity);
	weft_context_destroy(ctx);
	weft_context_destroy(parent);
}

/* It comes before the far deadline, or the cancel that does not come. */
static void in_time(size_t capacity)
{
	longs_t ch = new_channel(capacity);
	weft_context_t *ctx = weft_context_create_timeout(NULL, WEFT_S(1000));
	weft_time_t far = weft_deadline_in(WEFT_S(1000));
	long v = 0;

	CHECK(ctx != NULL);
	START(sends, ch, 1);
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, far), 1);
	CHECK_EQ(v, 1);
	JOIN();
	START(sends, ch, 2);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), 1);
	CHECK_EQ(v, 2);
	JOIN();
	START(sends, ch, 3);
	CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, WEFT_NEVER), 1);
	CHECK_EQ(v, 3);
	JOIN();
	START(sends, ch, 4);
	CHECK_EQ(WEFT_RECV_CTX(ch, &v, NULL), 1);
	CHECK_EQ(v, 4);
	JOIN();
	START(receives, ch, 5);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 5, far), 0);
	JOIN();
	START(receives, ch, 6);
	CHECK_EQ(WEFT_SEND_CTX(ch, 6, ctx), 0);
	JOIN();
	START(receives, ch, 7);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 7, WEFT_NEVER), 0);
	JOIN();
	START(receives, ch, 8);
	CHECK_EQ(WEFT_SEND_CTX(ch, 8, NULL), 0);
	JOIN();
	end_channel(ch, 0);
	weft_context_destroy(ctx);
}

/* A close ends the wait of a receive before its deadline does. */
WEFT_TASK(receives_end, longs_t, ch, weft_context_t *, ctx)
{
	long v = 4;

	if (ctx != NULL)
		CHECK_EQ(WEFT_RECV_CTX(ch, &v, ctx), 0);
	else
		CHECK_EQ(WEFT_RECV_UNTIL(ch, &v, weft_deadline_in(WEFT_S(1000))), 0);
	CHECK_EQ(v, 0);
	weft_waitgroup_done(&wg);
}

static void closed_while_it_waits(void)
{
	weft_context_t *ctx = new_context(false);
	longs_t ch = new_channel(2);

	START(receives_end, ch, ctx);
	START(receives_end, ch, NULL);
	WAIT_FOR(waiting() == 2);
	WEFT_CLOSE(ch);
	JOIN();
	WEFT_CHAN_DESTROY(ch);
	weft_context_destroy(ctx);
}

static void all(void *arg)
{
	(void)arg;
	no_channel();
	no_channel_cancelled();
	late_but_there();
	over();
	closed_while_it_waits();
	for (size_t capacity = 0; capacity < 3; capacity++) {
		deadline_passes(capacity);
		in_time(capacity);
		cancelled_while_it_waits(capacity, false);
		cancelled_while_it_waits(capacity, true);
	}
}

int main(void)
{
	struct test_child *child = test_run_child(waits_for_ever);

	CHILD_ENDS(child, 0);
	CHECK(strcmp(child->note, "still waits") == 0);
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
