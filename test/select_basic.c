/* weft-test: label=valgrind */
/*
 * The array form of select: each kind of case, ready at once or later; what is never ready; deadlines and
 * contexts; what is not chosen stays as it was; sizes. Each part runs in a task and on a plain thread.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

typedef WEFT_CHAN(int) ints_t;

static weft_waitgroup_t wg;

static ints_t new_channel(size_t capacity)
{
	ints_t ch = WEFT_CHAN_CREATE(int, capacity);

	CHECK(ch != NULL);
	return ch;
}

/* A select that waits in a task of its own, so that it can be seen to wait. */
WEFT_TASK(selects, weft_case_t *, cases, size_t, n, int, expected)
{
	CHECK_EQ(weft_select(cases, n), expected);
	weft_waitgroup_done(&wg);
}

#define START_WAITING(cases, expected)                                                                       \
	do {                                                                                                 \
		START(selects, cases, ARRAY_LEN(cases), expected);                                           \
		WAIT_FOR(waiting() == 1);                                                                    \
	} while (0)

WEFT_TASK(sends, ints_t, ch, int, value)
{
	CHECK_EQ(WEFT_SEND(ch, value), 0);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(receives, ints_t, ch, int, expected)
{
	int v = -1;

	CHECK_EQ(WEFT_RECV(ch, &v), 1);
	CHECK_EQ(v, expected);
	weft_waitgroup_done(&wg);
}

/* ---- ready at once ---- */

static void ready_channels(void)
{
	ints_t empty = new_channel(0), full = new_channel(1), room = new_channel(2), closed = new_channel(1);
	int a = -1, b = -1, c = -1, value = 5;

	CHECK_EQ(WEFT_SEND(full, 1), 0);
	WEFT_CLOSE(closed);
	{
		weft_case_t cases[] = { WEFT_ON_RECV(empty, &a), WEFT_ON_SEND(empty, &value),
			WEFT_ON_SEND(full, &value), WEFT_ON_RECV(full, &b), WEFT_ON_RECV(room, &c) };
		CHECK_EQ(weft_select(cases, 5), 3);
		CHECK_EQ(cases[3].result, 1);
		CHECK(a == -1 && b == 1 && c == -1);
		/* Now there is room in it. */
		CHECK_EQ(weft_select_try(cases, 5), 2);
		CHECK_EQ(cases[2].result, 0);
		CHECK_EQ(WEFT_RECV(full, &b), 1);
		CHECK_EQ(b, 5);
	}
	{
		weft_case_t cases[] = { WEFT_ON_RECV(empty, &a), WEFT_ON_RECV(closed, &b) };
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK_EQ(cases[1].result, 0);
		CHECK(a == -1 && b == 0);
		cases[1] = WEFT_ON_RECV(closed, NULL);
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK_EQ(cases[1].result, 0);
	}
	{
		/* A sender waits, a receiver waits. */
		weft_case_t cases[] = { WEFT_ON_RECV(empty, &a), WEFT_ON_SEND(empty, &value) };
		START(sends, empty, 11);
		WAIT_FOR(waiting() == 1);
		CHECK_EQ(weft_select(cases, 2), 0);
		CHECK_EQ(cases[0].result, 1);
		CHECK_EQ(a, 11);
		JOIN();
		value = 12;
		START(receives, empty, 12);
		WAIT_FOR(waiting() == 1);
		CHECK_EQ(weft_select_try(cases, 2), 1);
		CHECK_EQ(cases[1].result, 0);
		JOIN();
		CHECK_EQ(a, 11);
	}
	{
		/* Closed, but not empty yet. */
		ints_t rest = new_channel(2);
		weft_case_t cases[] = { WEFT_ON_RECV(rest, &b), WEFT_ON_RECV(empty, &a) };
		CHECK_EQ(WEFT_SEND(rest, 21), 0);
		CHECK_EQ(WEFT_SEND(rest, 22), 0);
		WEFT_CLOSE(rest);
		for (int i = 21; i <= 22; i++) {
			CHECK_EQ(weft_select(cases, 2), 0);
			CHECK_EQ(cases[0].result, 1);
			CHECK_EQ(b, i);
		}
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(weft_select(cases, 2), 0);
			CHECK_EQ(cases[0].result, 0);
			CHECK_EQ(b, 0);
		}
		WEFT_CHAN_DESTROY(rest);
	}
	CHECK_EQ(WEFT_CHAN_LEN(room), 0);
	WEFT_CHAN_DESTROY(empty);
	WEFT_CHAN_DESTROY(full);
	WEFT_CHAN_DESTROY(room);
	WEFT_CHAN_DESTROY(closed);
}

static void ready_others(void)
{
	weft_context_t *over = new_context(true), *idle = new_context(false);
	weft_context_t *late = weft_context_create_until(NULL, 0);
	int pipe_fds[2], file;
	char byte;

	CHECK(late != NULL);
	{
		weft_case_t cases[] = { WEFT_ON_DONE(idle), WEFT_ON_DONE(NULL), WEFT_ON_DONE(over) };
		CHECK_EQ(weft_select(cases, 3), 2);
		cases[2] = WEFT_ON_DONE(late);
		CHECK_EQ(weft_select_try(cases, 3), 2);
	}
	{
		weft_case_t cases[] = { WEFT_ON_TIME(WEFT_NEVER), WEFT_ON_TIME(0), WEFT_ON_DONE(idle) };
		CHECK_EQ(weft_select(cases, 3), 1);
		CHECK_EQ(weft_select_try(cases, 3), 1);
		cases[1] = WEFT_ON_TIME(INT64_MIN);
		CHECK_EQ(weft_select_try(cases, 3), 1);
	}
	CHECK(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0);
	{
		weft_case_t cases[] = { WEFT_ON_DONE(idle), WEFT_ON_FD(pipe_fds[0], WEFT_READABLE) };
		CHECK_EQ(weft_select_try(cases, 2), -EAGAIN);
		CHECK(write(pipe_fds[1], "x", 1) == 1);
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK_EQ(cases[1].result, WEFT_READABLE);
		CHECK_EQ(weft_select_try(cases, 2), 1);
		CHECK(read(pipe_fds[0], &byte, 1) == 1);
		CHECK_EQ(weft_select_try(cases, 2), -EAGAIN);
		cases[0] = WEFT_ON_FD(pipe_fds[1], WEFT_WRITABLE);
		CHECK_EQ(weft_select(cases, 2), 0);
		CHECK_EQ(cases[0].result, WEFT_WRITABLE);
		/* The other end is gone: that is readable too. */
		close(pipe_fds[1]);
		cases[0] = WEFT_ON_DONE(NULL);
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK((cases[1].result & WEFT_READABLE) != 0);
	}
	close(pipe_fds[0]);
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK(file >= 0);
	{
		weft_case_t cases[] = { WEFT_ON_FD(file, WEFT_READABLE), WEFT_ON_DONE(idle) };
		CHECK_EQ(weft_select(cases, 2), 0);
		CHECK_EQ(cases[0].result, WEFT_READABLE);
	}
	close(file);
	weft_context_destroy(over);
	weft_context_destroy(idle);
	weft_context_destroy(late);
}

/* ---- never ready ---- */

static void never_ready(void)
{
	weft_context_t *over = new_context(true), *idle = new_context(false);
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
	ints_t none = NULL, empty = new_channel(0);
	int value = 1, a = -1;
	weft_case_t cases[] = { WEFT_ON_SEND(none, &value), WEFT_ON_RECV(none, &a), WEFT_ON_DONE(NULL),
		WEFT_ON_DONE(idle), WEFT_ON_TIME(WEFT_NEVER), { .op = WEFT_OP_NONE }, WEFT_ON_RECV(empty, &a),
		WEFT_ON_SEND(empty, &value) };
	size_t n = ARRAY_LEN(cases);

	/* No cases at all, cases that are switched off, and both ends of one channel, which do not meet. */
	for (size_t first = 0; first <= n; first += first < 6 ? 6 : 1) {
		CHECK_EQ(weft_select_try(cases, n - first), -EAGAIN);
		CHECK_EQ(weft_select_until(cases, n - first, 0), -ETIMEDOUT);
		CHECK_EQ(weft_select_until(cases, n - first, deadline), -ETIMEDOUT);
		CHECK(weft_now() >= deadline);
		CHECK_EQ(weft_select_ctx(cases, n - first, over), -ECANCELED);
		deadline = weft_deadline_in(WEFT_MS(1));
	}
	CHECK_EQ(weft_select_until(NULL, 0, deadline), -ETIMEDOUT);
	CHECK_EQ(weft_select_try(NULL, 0), -EAGAIN);
	CHECK_EQ(a, -1);
	/* Nothing of it is left in the channel. */
	CHECK_EQ(WEFT_TRY_SEND(empty, 1), -EAGAIN);
	CHECK_EQ(WEFT_TRY_RECV(empty, &a), -EAGAIN);
	WEFT_CHAN_DESTROY(empty);
	weft_context_destroy(over);
	weft_context_destroy(idle);
}

WEFT_TASK(select_in_ctx, weft_case_t *, cases, size_t, n, weft_context_t *, ctx, int, expected)
{
	CHECK_EQ(weft_select_ctx(cases, n, ctx), expected);
	weft_waitgroup_done(&wg);
}

/* Biases the channel's lock to this thread. */
static void use_often(weft_chan_t *ch)
{
	long v = 1;

	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(weft_chan_try_send(ch, &v), 0);
		CHECK_EQ(weft_chan_try_recv(ch, &v), 1);
	}
}

static weft_chan_t *off, *on;

static void sends_to_off(void *arg)
{
	long v = 42;

	(void)arg;
	CHECK_EQ(weft_chan_send(off, &v), 0);
}

static void uses_off(void *arg)
{
	long v = 43;

	(void)arg;
	use_often(off);
	CHECK_EQ(weft_chan_send(on, &v), 0);
}

NOINLINE static void dirty_the_stack(void)
{
	volatile char bytes[6000];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = 0x41;
}

/* A case that was switched off keeps its channel, and touches it neither when it waits nor afterwards. */
static void switched_off(void)
{
	long v = 0;
	weft_case_t cases[2];

	for (int biased = 0; biased < 2; biased++) {
		off = weft_chan_create(sizeof v, 4);
		on = weft_chan_create(sizeof v, 4);
		CHECK(off != NULL && on != NULL);
		cases[0] = weft_case_on(WEFT_OP_NONE, off, &v, 0, 0);
		cases[1] = weft_case_on(WEFT_OP_RECV, on, &v, 0, 0);
		if (biased)
			use_often(off);
		CHECK_EQ(weft_go(sends_to_off, NULL), 0);
		CHECK_EQ(weft_select_until(cases, 2, weft_deadline_in(WEFT_MS(5))), -ETIMEDOUT);
		WAIT_FOR(weft_chan_len(off) == 1);
		CHECK_EQ(weft_chan_recv(off, &v), 1);
		/* Another uses it until its lock is biased, while the select waits. */
		CHECK_EQ(weft_go(uses_off, NULL), 0);
		dirty_the_stack();
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK_EQ(v, 43);
		weft_chan_destroy(off);
		weft_chan_destroy(on);
	}
}

static void cancelled_while_it_waits(void)
{
	weft_context_t *ctx = new_context(false), *timed = weft_context_create_timeout(NULL, WEFT_MS(1));
	ints_t ch = new_channel(0);
	int a = -1;
	weft_case_t cases[] = { WEFT_ON_RECV(ch, &a), WEFT_ON_TIME(WEFT_NEVER) };
	weft_case_t with_done[] = { WEFT_ON_RECV(ch, &a), WEFT_ON_DONE(ctx) };

	CHECK(timed != NULL);
	START(select_in_ctx, cases, 2, ctx, -ECANCELED);
	START(select_in_ctx, NULL, 0, ctx, -ECANCELED);
	WAIT_FOR(waiting() == 2);
	weft_context_cancel(ctx);
	JOIN();
	CHECK_EQ(weft_select_ctx(cases, 2, timed), -ETIMEDOUT);
	/* With a context that is over it does nothing, whatever is ready; a late deadline does not matter. */
	CHECK_EQ(weft_select_ctx(with_done, 2, timed), -ETIMEDOUT);
	CHECK_EQ(weft_select_until(with_done, 2, 0), 1);
	START(sends, ch, 4);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(weft_select_ctx(cases, 2, ctx), -ECANCELED);
	CHECK_EQ(a, -1);
	CHECK_EQ(weft_select_until(cases, 2, 0), 0);
	CHECK_EQ(a, 4);
	JOIN();
	CHECK_EQ(weft_select_ctx(cases, 2, ctx), -ECANCELED);
	WEFT_CHAN_DESTROY(ch);
	weft_context_destroy(ctx);
	weft_context_destroy(timed);
}

/* ---- ready later ---- */

static void ready_later(void)
{
	weft_context_t *ctx = new_context(false), *far = weft_context_create_timeout(NULL, WEFT_S(1000));
	ints_t in = new_channel(0), out = new_channel(1), other = new_channel(0);
	int a = -1, b = -1, value = 7, fds[2];
	weft_time_t time;
	char byte;

	CHECK(far != NULL && pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK_EQ(WEFT_SEND(out, 1), 0);
	weft_case_t cases[] = { WEFT_ON_RECV(in, &a), WEFT_ON_SEND(out, &value), WEFT_ON_RECV(other, &b),
		WEFT_ON_DONE(ctx), WEFT_ON_FD(fds[0], WEFT_READABLE), WEFT_ON_TIME(WEFT_NEVER),
		WEFT_ON_DONE(far) };
	/* A send. */
	START_WAITING(cases, 0);
	CHECK_EQ(WEFT_TRY_SEND(in, 20), 0);
	JOIN();
	CHECK_EQ(cases[0].result, 1);
	CHECK(a == 20 && b == -1);
	CHECK_EQ(WEFT_CHAN_LEN(out), 1);
	/* Room. */
	START_WAITING(cases, 1);
	CHECK_EQ(WEFT_RECV(out, &b), 1);
	CHECK_EQ(b, 1);
	JOIN();
	CHECK_EQ(cases[1].result, 0);
	CHECK_EQ(WEFT_RECV(out, &b), 1);
	CHECK_EQ(b, 7);
	CHECK_EQ(WEFT_SEND(out, 1), 0);
	/* A descriptor. */
	START_WAITING(cases, 4);
	CHECK(write(fds[1], "x", 1) == 1);
	JOIN();
	CHECK_EQ(cases[4].result, WEFT_READABLE);
	CHECK(read(fds[0], &byte, 1) == 1);
	/* A close. */
	b = 5;
	START_WAITING(cases, 2);
	WEFT_CLOSE(other);
	JOIN();
	CHECK_EQ(cases[2].result, 0);
	CHECK_EQ(b, 0);
	cases[2] = WEFT_ON_RECV((ints_t)NULL, &b);
	/* A time. */
	time = weft_deadline_in(WEFT_MS(1));
	cases[5] = WEFT_ON_TIME(time);
	CHECK_EQ(weft_select(cases, ARRAY_LEN(cases)), 5);
	CHECK(weft_now() >= time);
	/* The earliest of several, and before the deadline of the whole. */
	time = weft_deadline_in(WEFT_MS(1));
	cases[5] = WEFT_ON_TIME(weft_deadline_in(WEFT_S(1000)));
	cases[2] = WEFT_ON_TIME(time);
	CHECK_EQ(weft_select_until(cases, ARRAY_LEN(cases), weft_deadline_in(WEFT_S(500))), 2);
	CHECK(weft_now() >= time);
	time = weft_deadline_in(WEFT_MS(1));
	cases[2] = WEFT_ON_TIME(weft_deadline_in(WEFT_S(1000)));
	CHECK_EQ(weft_select_until(cases, ARRAY_LEN(cases), time), -ETIMEDOUT);
	CHECK(weft_now() >= time);
	/* A cancel. */
	START_WAITING(cases, 3);
	weft_context_cancel(ctx);
	JOIN();
	/* Nothing of all these is left anywhere. */
	CHECK_EQ(WEFT_CHAN_LEN(out), 1);
	CHECK_EQ(WEFT_TRY_SEND(in, 1), -EAGAIN);
	CHECK_EQ(a, 20);
	close(fds[0]);
	close(fds[1]);
	WEFT_CHAN_DESTROY(in);
	WEFT_CHAN_DESTROY(out);
	WEFT_CHAN_DESTROY(other);
	weft_context_destroy(ctx);
	weft_context_destroy(far);
}

/* A descriptor by two cases, both ends of a pipe, a descriptor that closes its other end. */
static void descriptors(void)
{
	int fds[2], chosen;
	char byte;

	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	{
		weft_case_t cases[] = { WEFT_ON_FD(fds[0], WEFT_READABLE), WEFT_ON_FD(fds[0], WEFT_READABLE),
			WEFT_ON_FD(fds[0], WEFT_READABLE | WEFT_WRITABLE) };
		/* Whichever. */
		weft_case_t late[] = { WEFT_ON_FD(fds[0], WEFT_READABLE),
			WEFT_ON_TIME(weft_deadline_in(WEFT_MS(1))) };
		CHECK_EQ(weft_select(late, 2), 1);
		CHECK_EQ(weft_select_until(cases, 3, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
		CHECK(write(fds[1], "x", 1) == 1);
		chosen = weft_select(cases, 3);
		CHECK(chosen >= 0 && chosen < 3);
		CHECK((cases[chosen].result & WEFT_READABLE) != 0);
		CHECK(read(fds[0], &byte, 1) == 1);
	}
	{
		weft_case_t cases[] = { WEFT_ON_FD(fds[0], WEFT_READABLE) };
		START_WAITING(cases, 0);
		close(fds[1]);
		JOIN();
		CHECK((cases[0].result & WEFT_READABLE) != 0);
	}
	close(fds[0]);
	/* What cannot be waited for is chosen, and says so. */
	for (int i = 0; i < 3; i++) {
		weft_case_t cases[] = { WEFT_ON_TIME(WEFT_NEVER), WEFT_ON_FD(-1, WEFT_READABLE) };
		int expected = -EBADF;
		if (i == 1)
			cases[1] = WEFT_ON_FD(fds[0], WEFT_READABLE);
		if (i == 2) {
			cases[1] = WEFT_ON_FD(STDERR_FILENO, 0);
			expected = -EINVAL;
		}
		chosen = weft_select(cases, 2);
		CHECK_EQ(chosen, 1);
		CHECK_EQ(cases[1].result, expected);
	}
}

/* ---- one channel in several cases ---- */

WEFT_TASK(receive_into, ints_t, ch, int *, place)
{
	CHECK_EQ(WEFT_RECV(ch, place), 1);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(select_any, weft_case_t *, cases, size_t, n, int *, chosen)
{
	*chosen = weft_select(cases, n);
	weft_waitgroup_done(&wg);
}

static void duplicates(size_t capacity)
{
	ints_t ch = new_channel(capacity);
	int v[3], values[3] = { 1, 2, 3 }, got, chosen;
	weft_case_t receiving[] = { WEFT_ON_RECV(ch, &v[0]), WEFT_ON_RECV(ch, &v[1]),
		WEFT_ON_RECV(ch, &v[2]) };
	weft_case_t sending[] = { WEFT_ON_SEND(ch, &values[0]), WEFT_ON_SEND(ch, &values[1]),
		WEFT_ON_SEND(ch, &values[2]) };

	/* One send is received by one of them, whether the select comes first or not. */
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 3; i++)
			v[i] = -1;
		chosen = -1;
		if (round % 2 == 0) {
			START(select_any, receiving, 3, &chosen);
			WAIT_FOR(waiting() == 1);
			CHECK_EQ(WEFT_SEND(ch, round), 0);
		} else {
			START(sends, ch, round);
			chosen = weft_select(receiving, 3);
		}
		JOIN();
		CHECK(chosen >= 0 && chosen < 3);
		CHECK_EQ(receiving[chosen].result, 1);
		for (int i = 0; i < 3; i++)
			CHECK_EQ(v[i], i == chosen ? round : -1);
		CHECK_EQ(WEFT_TRY_RECV(ch, NULL), -EAGAIN);
	}
	/* One of them is sent. */
	for (int round = 0; round < 40; round++) {
		chosen = -1;
		if (round % 2 == 0) {
			START(select_any, sending, 3, &chosen);
			CHECK_EQ(WEFT_RECV(ch, &got), 1);
		} else {
			START(receive_into, ch, &got);
			chosen = weft_select(sending, 3);
		}
		JOIN();
		CHECK(chosen >= 0 && chosen < 3);
		CHECK_EQ(sending[chosen].result, 0);
		CHECK_EQ(got, values[chosen]);
		CHECK_EQ(WEFT_TRY_RECV(ch, NULL), -EAGAIN);
	}
	/* A close is one event. */
	for (int i = 0; i < 3; i++)
		v[i] = -1;
	START(select_any, receiving, 3, &chosen);
	WAIT_FOR(waiting() == 1);
	WEFT_CLOSE(ch);
	JOIN();
	CHECK(chosen >= 0 && chosen < 3);
	CHECK_EQ(receiving[chosen].result, 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(v[i], i == chosen ? 0 : -1);
	WEFT_CHAN_DESTROY(ch);
}

/* Both ends of a channel with a buffer do meet, by way of it. */
static void both_ends(void)
{
	ints_t ch = new_channel(1);
	int value = 4, got = -1;
	weft_case_t cases[] = { WEFT_ON_SEND(ch, &value), WEFT_ON_RECV(ch, &got) };

	for (int round = 0; round < 10; round++) {
		CHECK_EQ(weft_select(cases, 2), 0);
		value++;
		CHECK_EQ(weft_select(cases, 2), 1);
		CHECK_EQ(got, value - 1);
	}
	WEFT_CHAN_DESTROY(ch);
	/* On one without, it meets whoever comes. */
	ch = new_channel(0);
	cases[0] = WEFT_ON_SEND(ch, &value);
	cases[1] = WEFT_ON_RECV(ch, &got);
	value = 50;
	START_WAITING(cases, 0);
	CHECK_EQ(WEFT_TRY_RECV(ch, &got), 1);
	CHECK_EQ(got, 50);
	JOIN();
	START_WAITING(cases, 1);
	CHECK_EQ(WEFT_TRY_SEND(ch, 51), 0);
	JOIN();
	CHECK_EQ(got, 51);
	/* Another one of its kind, too. */
	int other_value = 60, other_got = -1, chosen, other_chosen;
	weft_case_t other[] = { WEFT_ON_SEND(ch, &other_value), WEFT_ON_RECV(ch, &other_got) };
	got = -1;
	START(select_any, cases, 2, &chosen);
	WAIT_FOR(waiting() == 1);
	other_chosen = weft_select(other, 2);
	JOIN();
	CHECK_EQ(chosen + other_chosen, 1);
	CHECK(chosen == 0 ? other_got == 50 && got == -1 : got == 60 && other_got == -1);
	WEFT_CHAN_DESTROY(ch);
}

/* ---- many ---- */

static void many_cases(void)
{
	enum { CHANNELS = 1000, MOST = 65536 };
	ints_t *channels = malloc(CHANNELS * sizeof *channels);
	weft_case_t *cases = malloc((MOST + 1) * sizeof *cases);
	int *v = malloc(MOST * sizeof *v), chosen;

	CHECK(channels != NULL && cases != NULL && v != NULL);
	for (int i = 0; i < CHANNELS; i++)
		channels[i] = new_channel(1);
	for (int i = 0; i < MOST; i++) {
		v[i] = -1;
		cases[i] = WEFT_ON_RECV(channels[i % CHANNELS], &v[i]);
	}
	cases[MOST] = WEFT_ON_TIME(0);
	CHECK_EQ(weft_select(cases, MOST + 1), -EINVAL);
	CHECK_EQ(weft_select_try(cases, MOST + 1), -EINVAL);
	CHECK_EQ(weft_select_until(cases, SIZE_MAX, 0), -EINVAL);
	CHECK_EQ(weft_select_ctx(cases, (size_t)1 << 32, NULL), -EINVAL);
	/* Of every size around those at which it takes its memory from elsewhere. */
	for (size_t n = 1; n <= 70; n++) {
		CHECK_EQ(weft_select_until(cases, n, 0), -ETIMEDOUT);
		CHECK_EQ(weft_select_until(cases, n, weft_deadline_in(WEFT_US(1))), -ETIMEDOUT);
		chosen = -1;
		START(select_any, cases, n, &chosen);
		WAIT_FOR(waiting() == 1);
		CHECK_EQ(WEFT_SEND(channels[n - 1], (int)n), 0);
		JOIN();
		CHECK_EQ(chosen, n - 1);
		CHECK_EQ(v[n - 1], n);
		v[n - 1] = -1;
	}
	/* Ready at once, then later. */
	CHECK_EQ(WEFT_SEND(channels[MOST % CHANNELS - 1], 8), 0);
	cases[MOST - 1] = WEFT_ON_TIME(WEFT_NEVER);
	chosen = weft_select(cases, MOST);
	CHECK(chosen >= 0 && chosen % CHANNELS == MOST % CHANNELS - 1);
	CHECK_EQ(v[chosen], 8);
	v[chosen] = -1;
	CHECK_EQ(weft_select_try(cases, MOST), -EAGAIN);
	START(select_any, cases, MOST, &chosen);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(WEFT_SEND(channels[77], 9), 0);
	JOIN();
	CHECK(chosen >= 0 && chosen % CHANNELS == 77);
	CHECK_EQ(v[chosen], 9);
	v[chosen] = -1;
	for (int i = 0; i < MOST; i++)
		CHECK_EQ(v[i], -1);
	for (int i = 0; i < CHANNELS; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	free(channels);
	free(cases);
	free(v);
}

static void all(void *arg)
{
	(void)arg;
	ready_channels();
	ready_others();
	never_ready();
	switched_off();
	cancelled_while_it_waits();
	ready_later();
	descriptors();
	for (size_t capacity = 0; capacity < 3; capacity++)
		duplicates(capacity);
	both_ends();
	many_cases();
}

/* ---- misuse, and waiting for ever ---- */

static void no_cases(void *arg)
{
	(void)arg;
	weft_select(NULL, 0);
	test_fail("a select without cases came back\n");
}

static void waits_for_ever(void)
{
	test_begin();
	CHECK_EQ(weft_go(no_cases, NULL), 0);
	WAIT_FOR(waiting() == 1);
	NOTE("still waits");
}

static void unknown_operation(void)
{
	weft_case_t c = { .op = 77 };

	weft_select(&c, 1);
}

int main(void)
{
	struct test_child *child = test_run_child(waits_for_ever);

	CHILD_ENDS(child, 0);
	CHECK(strcmp(child->note, "still waits") == 0);
	MUST_PANIC(unknown_operation, "weft_select");
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
