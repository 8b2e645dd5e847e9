/* weft-test: label=valgrind */
/*
 * Calls that wait with a context: sleep, descriptors, tickers, wait groups. A cancel, a deadline or the end
 * of the context ends the wait; with one that is cancelled nothing is done. And functions that run after a
 * cancel: once, or stopped.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

static weft_waitgroup_t wg;

/* ---- one call of each kind that has to wait, as an object ---- */

enum kind { SLEEP, DESCRIPTOR, TICKER, GROUP, KINDS };

static int wait_with(enum kind kind, weft_context_t *ctx)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	weft_ticker_t ticker;
	int fds[2], r;

	switch (kind) {
	case SLEEP:
		return weft_sleep_ctx(WEFT_S(1000), ctx);
	case DESCRIPTOR:
		CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
		r = weft_fd_wait_ctx(fds[0], WEFT_READABLE, ctx);
		close(fds[0]);
		close(fds[1]);
		return r;
	case TICKER:
		weft_ticker_start(&ticker, WEFT_S(1000));
		return weft_ticker_wait_ctx(&ticker, ctx);
	default:
		weft_waitgroup_add(&group, 1);
		r = weft_waitgroup_wait_ctx(&group, ctx);
		weft_waitgroup_done(&group);
		CHECK_EQ(weft_waitgroup_wait(&group), 0);
		return r;
	}
}

WEFT_TASK(waits, unsigned, kind, weft_context_t *, ctx, int, expected)
{
	CHECK_EQ(wait_with((enum kind)kind, ctx), expected);
	weft_waitgroup_done(&wg);
}

static void thread_waits(void *arg)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		CHECK_EQ(wait_with((enum kind)kind, arg), -ECANCELED);
}

static void ends_of_a_wait(void)
{
	struct test_thread threads[3];
	weft_context_t *root, *ctx;

	/* A cancel. */
	ctx = new_context(false);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < 3; i++)
			START(waits, kind, ctx, -ECANCELED);
	for (unsigned i = 0; i < 3; i++)
		thread_start(&threads[i], thread_waits, ctx);
	WAIT_FOR(waiting() == 3 * KINDS);
	weft_context_cancel(ctx);
	JOIN();
	for (unsigned i = 0; i < 3; i++)
		thread_join(&threads[i]);
	/* Cancelled before. */
	for (unsigned kind = 0; kind < KINDS; kind++)
		CHECK_EQ(wait_with((enum kind)kind, ctx), -ECANCELED);
	weft_context_destroy(ctx);
	/* An ancestor. */
	root = new_context(false);
	ctx = weft_context_create(root);
	CHECK(ctx != NULL);
	for (unsigned kind = 0; kind < KINDS; kind++)
		START(waits, kind, ctx, -ECANCELED);
	WAIT_FOR(waiting() == KINDS);
	weft_context_cancel_cause(root, -EPIPE);
	JOIN();
	weft_context_destroy(ctx);
	weft_context_destroy(root);
	/* The end of the context. */
	ctx = new_context(false);
	for (unsigned kind = 0; kind < KINDS; kind++)
		START(waits, kind, ctx, -ECANCELED);
	WAIT_FOR(held(ctx) == KINDS);
	weft_context_destroy(ctx);
	JOIN();
	/* Its deadline. */
	ctx = weft_context_create_timeout(NULL, WEFT_MS(1));
	CHECK(ctx != NULL);
	for (unsigned kind = 0; kind < KINDS; kind++)
		START(waits, kind, ctx, -ETIMEDOUT);
	for (unsigned kind = 0; kind < KINDS; kind++)
		CHECK_EQ(wait_with((enum kind)kind, ctx), -ETIMEDOUT);
	JOIN();
	weft_context_destroy(ctx);
}

/* ---- what is there, with and without ---- */

WEFT_TASK(write_byte, int, fd)
{
	CHECK(write(fd, "x", 1) == 1);
	weft_waitgroup_done(&wg);
}

/* With no context, or one that is not cancelled: as without. */
static void as_without(weft_context_t *ctx)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	weft_ticker_t ticker;
	weft_time_t start;
	int fds[2];
	char byte;

	CHECK_EQ(weft_sleep_ctx(0, ctx), 0);
	CHECK_EQ(weft_sleep_ctx(-1, ctx), 0);
	start = weft_now();
	CHECK_EQ(weft_sleep_ctx(WEFT_MS(1), ctx), 0);
	CHECK(weft_now() >= start + WEFT_MS(1));
	CHECK_EQ(weft_waitgroup_wait_ctx(&group, ctx), 0);
	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK_EQ(weft_fd_wait_ctx(fds[1], WEFT_WRITABLE, ctx), WEFT_WRITABLE);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK_EQ(weft_fd_wait_ctx(fds[0], WEFT_READABLE, ctx), WEFT_READABLE);
	CHECK(read(fds[0], &byte, 1) == 1);
	START(write_byte, fds[1]);
	CHECK_EQ(weft_fd_wait_ctx(fds[0], WEFT_READABLE, ctx), WEFT_READABLE);
	JOIN();
	CHECK_EQ(weft_fd_wait_ctx(-1, WEFT_READABLE, ctx), -EBADF);
	CHECK_EQ(weft_fd_wait_ctx(fds[0], 0, ctx), -EINVAL);
	close(fds[0]);
	close(fds[1]);
	start = weft_now();
	weft_ticker_start(&ticker, WEFT_US(100));
	for (int i = 1; i <= 3; i++) {
		CHECK_EQ(weft_ticker_wait_ctx(&ticker, ctx), 0);
		CHECK(weft_now() >= start + i * WEFT_US(100));
	}
}

/* Cancelled: nothing is done, whatever there is. */
static void nothing_when_over(weft_context_t *ctx, int err)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	weft_ticker_t ticker;
	int fds[2];

	CHECK_EQ(weft_sleep_ctx(0, ctx), err);
	CHECK_EQ(weft_sleep_ctx(-1, ctx), err);
	CHECK_EQ(weft_sleep_ctx(WEFT_NEVER, ctx), err);
	CHECK_EQ(weft_waitgroup_wait_ctx(&group, ctx), err);
	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK_EQ(weft_fd_wait_ctx(fds[1], WEFT_WRITABLE, ctx), err);
	close(fds[0]);
	close(fds[1]);
	weft_ticker_start(&ticker, 1);
	weft_sleep(WEFT_US(10));
	CHECK_EQ(weft_ticker_wait_ctx(&ticker, ctx), err);
	/* The tick is still there. */
	CHECK_EQ(weft_ticker_wait_ctx(&ticker, NULL), 0);
}

static void what_is_there(void)
{
	weft_context_t *ctx = new_context(false), *far = weft_context_create_timeout(NULL, WEFT_S(1000));
	weft_context_t *late = weft_context_create_until(NULL, 0);

	CHECK(far != NULL && late != NULL);
	as_without(NULL);
	as_without(ctx);
	as_without(far);
	weft_context_cancel(ctx);
	nothing_when_over(ctx, -ECANCELED);
	nothing_when_over(late, -ETIMEDOUT);
	weft_context_destroy(ctx);
	weft_context_destroy(far);
	weft_context_destroy(late);
}

/* ---- functions that run after a cancel ---- */

static long plain;

static void count_call(void *arg)
{
	CHECK(weft_task_id() > 0);
	CHECK_EQ(plain, 6);
	at_add((unsigned *)arg, 1, RELEASE);
}

static void never(void *arg)
{
	(void)arg;
	test_fail("a function that was stopped ran\n");
}

struct again {
	weft_context_t *next;
	weft_after_t after;
	unsigned rounds;
};

/* Its memory is its own again when it has begun. */
static void set_again(void *arg)
{
	struct again *a = arg;

	memset(&a->after, 0xa5, sizeof a->after);
	if (++a->rounds < 10) {
		CHECK_EQ(weft_context_after(a->next, &a->after, set_again, a), 0);
	} else {
		weft_waitgroup_done(&wg);
	}
}

static void after_cancel(void)
{
	weft_context_t *ctx = new_context(false), *child = weft_context_create(ctx);
	weft_after_t afters[6];
	struct again again = { .next = ctx };
	unsigned calls = 0;

	CHECK(child != NULL);
	plain = 6;
	memset(afters, 0, sizeof afters);
	CHECK_EQ(weft_context_after_stop(&afters[0]), 0);
	CHECK_EQ(weft_context_after(ctx, &afters[0], count_call, &calls), 0);
	CHECK_EQ(weft_context_after(ctx, &afters[1], never, &calls), 0);
	CHECK_EQ(weft_context_after(ctx, &afters[2], count_call, &calls), 0);
	CHECK_EQ(weft_context_after(child, &afters[3], count_call, &calls), 0);
	CHECK_EQ(weft_context_after(child, &afters[4], never, &calls), 0);
	CHECK_EQ(weft_context_after_stop(&afters[1]), 1);
	CHECK_EQ(weft_context_after_stop(&afters[1]), 0);
	CHECK_EQ(weft_context_after_stop(&afters[4]), 1);
	/* Stopped: the memory may be used at once. */
	memset(&afters[4], 0xa5, sizeof afters[4]);
	CHECK_EQ(weft_context_after(ctx, &afters[4], count_call, &calls), 0);
	CHECK_EQ(at_load(&calls, RELAXED), 0);
	weft_context_cancel(ctx);
	WAIT_FOR(at_load(&calls, ACQUIRE) == 4);
	CHECK_EQ(weft_context_after_stop(&afters[0]), 0);
	CHECK_EQ(weft_context_after_stop(&afters[3]), 0);
	/* Cancelled already: at once. */
	CHECK_EQ(weft_context_after(ctx, &afters[5], count_call, &calls), 0);
	WAIT_FOR(at_load(&calls, ACQUIRE) == 5);
	CHECK_EQ(weft_context_after_stop(&afters[5]), 0);
	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(weft_context_after(child, &again.after, set_again, &again), 0);
	JOIN();
	CHECK_EQ(again.rounds, 10);
	weft_context_destroy(child);
	weft_context_destroy(ctx);
	WAIT_FOR(at_load(&calls, ACQUIRE) == 5);
}

static void after_deadline(void)
{
	weft_context_t *ctx = weft_context_create_timeout(NULL, WEFT_US(300)), *held = new_context(false);
	weft_after_t after, on_destroy, stays;
	unsigned calls = 0;

	CHECK(ctx != NULL);
	plain = 6;
	CHECK_EQ(weft_context_after(ctx, &after, count_call, &calls), 0);
	WAIT_FOR(at_load(&calls, ACQUIRE) == 1);
	CHECK_EQ(weft_context_after_stop(&after), 0);
	weft_context_destroy(ctx);
	/* To destroy is to cancel. */
	ctx = new_context(false);
	CHECK_EQ(weft_context_after(ctx, &on_destroy, count_call, &calls), 0);
	weft_context_destroy(ctx);
	WAIT_FOR(at_load(&calls, ACQUIRE) == 2);
	/* Stopped, then cancelled: nothing. */
	CHECK_EQ(weft_context_after(held, &stays, never, NULL), 0);
	CHECK_EQ(weft_context_after_stop(&stays), 1);
	weft_context_destroy(held);
}

static void all(void *arg)
{
	(void)arg;
	ends_of_a_wait();
	what_is_there();
	after_cancel();
	after_deadline();
}

int main(void)
{
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
