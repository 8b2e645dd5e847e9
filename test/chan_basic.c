/* weft-test: label=valgrind */
/*
 * Channels: order, capacity, who is served first, what closing does. Each part runs in a task and on a plain
 * thread, with elements that are a word and others.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

enum { WAITERS = 8 };

static weft_waitgroup_t wg;
static size_t elem_size;
static unsigned gave_up;

/* ---- numbers as elements of any size: the rest repeats the number, and is 0 for 0 ---- */

struct elem {
	int number;
	unsigned char rest[28];
};

static struct elem elem_of(int number)
{
	struct elem e = { .number = number };

	memset(e.rest, number * 7, sizeof e.rest);
	return e;
}

static int number_of(const struct elem *e)
{
	for (size_t i = 0; i < elem_size - sizeof e->number; i++)
		CHECK_EQ(e->rest[i], (unsigned char)(e->number * 7));
	return e->number;
}

/* call(element) for a send, and for a receive into *v. */
#define SENDING(value, call)                                                                                 \
	__extension__({                                                                                      \
		struct elem e = elem_of(value);                                                              \
		call;                                                                                        \
	})
#define RECEIVING(v, call)                                                                                   \
	__extension__({                                                                                      \
		struct elem e = elem_of(*(v));                                                               \
		int r_ = call;                                                                               \
		*(v) = number_of(&e);                                                                        \
		r_;                                                                                          \
	})
#define SEND(ch, value) SENDING(value, weft_chan_send(ch, &e))
#define TRY_SEND(ch, value) SENDING(value, weft_chan_try_send(ch, &e))
#define SEND_CTX(ch, value, ctx) SENDING(value, weft_chan_send_ctx(ch, &e, ctx))
#define RECV(ch, v) RECEIVING(v, weft_chan_recv(ch, &e))
#define TRY_RECV(ch, v) RECEIVING(v, weft_chan_try_recv(ch, &e))
#define RECV_UNTIL(ch, v, deadline) RECEIVING(v, weft_chan_recv_until(ch, &e, deadline))
#define RECV_CTX(ch, v, ctx) RECEIVING(v, weft_chan_recv_ctx(ch, &e, ctx))

static weft_chan_t *new_channel(size_t capacity)
{
	weft_chan_t *ch = weft_chan_create(elem_size, capacity);

	CHECK(ch != NULL);
	CHECK_EQ(weft_chan_cap(ch), capacity);
	CHECK_EQ(weft_chan_len(ch), 0);
	return ch;
}

/* Nothing is in it and nobody waits on it, so it goes without a word. */
static void end_channel(weft_chan_t *ch)
{
	int v = 77;

	CHECK_EQ(weft_chan_len(ch), 0);
	CHECK_EQ(TRY_RECV(ch, &v), -EAGAIN);
	CHECK_EQ(v, 77);
	weft_chan_destroy(ch);
}

/* ---- order ---- */

WEFT_TASK(send_range, weft_chan_t *, ch, int, first, int, count)
{
	for (int i = first; i < first + count; i++)
		CHECK_EQ(SEND(ch, i), 0);
	weft_waitgroup_done(&wg);
}

static void one_after_the_other(size_t capacity)
{
	weft_chan_t *ch = new_channel(capacity);
	int v = -1;

	START(send_range, ch, 0, 100);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(RECV(ch, &v), 1);
		CHECK_EQ(v, i);
		CHECK(weft_chan_len(ch) <= capacity);
	}
	JOIN();
	end_channel(ch);
}

/* The buffer goes round: with any number of elements taken from it before it is filled again. */
static void buffer_wraps(int capacity)
{
	weft_chan_t *ch = new_channel((size_t)capacity);
	int next_in = 0, next_out = 0, v = 0;

	for (int taken = 0; taken <= capacity; taken++) {
		while (next_in - next_out < capacity) {
			CHECK_EQ(SEND(ch, next_in++), 0);
			CHECK_EQ(weft_chan_len(ch), next_in - next_out);
		}
		CHECK_EQ(TRY_SEND(ch, -1), -EAGAIN);
		CHECK_EQ(weft_chan_len(ch), capacity);
		for (int i = 0; i < taken; i++) {
			CHECK_EQ(RECV(ch, &v), 1);
			CHECK_EQ(v, next_out++);
			CHECK_EQ(weft_chan_len(ch), next_in - next_out);
		}
	}
	CHECK_EQ(next_out, next_in);
	end_channel(ch);
}

/* ---- who is first ---- */

WEFT_TASK(receive_one, weft_chan_t *, ch, int *, place)
{
	int v = -1;

	CHECK_EQ(RECV(ch, &v), 1);
	*place = v;
	weft_waitgroup_done(&wg);
}

WEFT_TASK(send_one, weft_chan_t *, ch, int, value)
{
	CHECK_EQ(SEND(ch, value), 0);
	weft_waitgroup_done(&wg);
}

static void receivers_in_order(size_t capacity)
{
	weft_chan_t *ch = new_channel(capacity);
	int got[WAITERS];

	for (unsigned i = 0; i < WAITERS; i++) {
		got[i] = -1;
		START(receive_one, ch, &got[i]);
		WAIT_FOR(waiting() == i + 1);
	}
	/* A waiting receiver gets it; the buffer is not used. */
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(i % 2 == 0 ? SEND(ch, i * 10) : TRY_SEND(ch, i * 10), 0);
		CHECK_EQ(weft_chan_len(ch), 0);
	}
	JOIN();
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(got[i], i * 10);
	end_channel(ch);
}

static void senders_in_order(int capacity)
{
	weft_chan_t *ch = new_channel((size_t)capacity);
	int v = 0;

	for (int i = 0; i < capacity; i++)
		CHECK_EQ(SEND(ch, i), 0);
	for (int i = 0; i < WAITERS; i++) {
		START(send_one, ch, capacity + i);
		WAIT_FOR(waiting() == (unsigned)i + 1);
	}
	CHECK_EQ(TRY_SEND(ch, -1), -EAGAIN);
	/* The head goes out and the first waiting sender's value comes in at the tail. */
	for (int i = 0; i < capacity + WAITERS; i++) {
		int left = capacity + WAITERS - i;
		CHECK_EQ(weft_chan_len(ch), left < capacity ? left : capacity);
		CHECK_EQ(i % 2 == 0 ? RECV(ch, &v) : TRY_RECV(ch, &v), 1);
		CHECK_EQ(v, i);
	}
	JOIN();
	end_channel(ch);
}

/* ---- waiters that give up leave the others in order ---- */

WEFT_TASK(receive_or_not, weft_chan_t *, ch, int *, place, weft_context_t *, ctx)
{
	int v = -5, r = RECV_CTX(ch, &v, ctx);

	if (r < 0) {
		CHECK_EQ(r, -ECANCELED);
		CHECK_EQ(v, -5);
		at_add(&gave_up, 1, RELAXED);
	} else {
		CHECK_EQ(r, 1);
	}
	*place = v;
	weft_waitgroup_done(&wg);
}

WEFT_TASK(send_or_not, weft_chan_t *, ch, int, value, weft_context_t *, ctx)
{
	int r = SEND_CTX(ch, value, ctx);

	if (r != 0) {
		CHECK_EQ(r, -ECANCELED);
		at_add(&gave_up, 1, RELAXED);
	}
	weft_waitgroup_done(&wg);
}

/* leavers: a bit for each waiter that gives up. */
static void some_give_up(unsigned leavers, size_t capacity)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_chan_t *ch = new_channel(capacity);
	unsigned leaving = (unsigned)__builtin_popcount(leavers);
	int got[WAITERS], next, v = 0;

	CHECK(ctx != NULL);
	at_store(&gave_up, 0, RELAXED);
	for (unsigned i = 0; i < WAITERS; i++) {
		got[i] = -1;
		START(receive_or_not, ch, &got[i], leavers >> i & 1 ? ctx : NULL);
		WAIT_FOR(waiting() == i + 1);
	}
	weft_context_cancel(ctx);
	WAIT_FOR(at_load(&gave_up, RELAXED) == leaving);
	for (int i = 0; i < WAITERS - (int)leaving; i++)
		CHECK_EQ(TRY_SEND(ch, i), 0);
	JOIN();
	next = 0;
	for (unsigned i = 0; i < WAITERS; i++)
		CHECK_EQ(got[i], leavers >> i & 1 ? -5 : next++);
	weft_context_destroy(ctx);

	/* The same for senders. */
	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	at_store(&gave_up, 0, RELAXED);
	for (unsigned i = 0; i < capacity; i++)
		CHECK_EQ(SEND(ch, -1 - (int)i), 0);
	for (unsigned i = 0; i < WAITERS; i++) {
		START(send_or_not, ch, (int)i, leavers >> i & 1 ? ctx : NULL);
		WAIT_FOR(waiting() == i + 1);
	}
	weft_context_cancel(ctx);
	WAIT_FOR(at_load(&gave_up, RELAXED) == leaving);
	for (unsigned i = 0; i < capacity; i++) {
		CHECK_EQ(TRY_RECV(ch, &v), 1);
		CHECK_EQ(v, -1 - (int)i);
	}
	for (unsigned i = 0; i < WAITERS; i++) {
		if (leavers >> i & 1)
			continue;
		CHECK_EQ(TRY_RECV(ch, &v), 1);
		CHECK_EQ(v, i);
	}
	JOIN();
	end_channel(ch);
	weft_context_destroy(ctx);
}

/* ---- closing ---- */

/* Every form of a receive says the same about a channel that is closed and empty. */
static void is_at_end(weft_chan_t *ch)
{
	weft_context_t *cancelled = weft_context_create(NULL);
	int v = 0;

	CHECK(cancelled != NULL);
	weft_context_cancel(cancelled);
	v = 7;
	CHECK_EQ(RECV(ch, &v), 0);
	CHECK_EQ(v, 0);
	v = 7;
	CHECK_EQ(TRY_RECV(ch, &v), 0);
	CHECK_EQ(v, 0);
	v = 7;
	CHECK_EQ(RECV_UNTIL(ch, &v, 0), 0);
	CHECK_EQ(v, 0);
	v = 7;
	CHECK_EQ(RECV_UNTIL(ch, &v, WEFT_NEVER), 0);
	CHECK_EQ(v, 0);
	v = 7;
	CHECK_EQ(RECV_CTX(ch, &v, NULL), 0);
	CHECK_EQ(v, 0);
	v = 7;
	CHECK_EQ(RECV_CTX(ch, &v, cancelled), -ECANCELED);
	CHECK_EQ(v, 7);
	CHECK_EQ(weft_chan_recv(ch, NULL), 0);
	CHECK_EQ(weft_chan_len(ch), 0);
	weft_context_destroy(cancelled);
}

static void close_lets_drain(int capacity)
{
	for (int filled = 0; filled <= capacity; filled++) {
		weft_chan_t *ch = new_channel((size_t)capacity);
		int v = 0;
		for (int i = 0; i < filled; i++)
			CHECK_EQ(SEND(ch, i + 1), 0);
		weft_chan_close(ch);
		CHECK_EQ(weft_chan_cap(ch), capacity);
		for (int i = 0; i < filled; i++) {
			CHECK_EQ(weft_chan_len(ch), filled - i);
			CHECK_EQ(RECV(ch, &v), 1);
			CHECK_EQ(v, i + 1);
		}
		is_at_end(ch);
		is_at_end(ch);
		weft_chan_destroy(ch);
	}
}

WEFT_TASK(receive_end, weft_chan_t *, ch)
{
	int v = 3;

	CHECK_EQ(RECV(ch, &v), 0);
	CHECK_EQ(v, 0);
	weft_waitgroup_done(&wg);
}

static void thread_receives_end(void *arg)
{
	weft_chan_t *ch = (weft_chan_t *)arg;
	int v = 3;

	CHECK_EQ(RECV(ch, &v), 0);
	CHECK_EQ(v, 0);
}

static void close_wakes_all(size_t capacity)
{
	struct test_thread threads[2];
	weft_chan_t *ch = new_channel(capacity);

	for (int i = 0; i < 2; i++)
		thread_start(&threads[i], thread_receives_end, ch);
	for (int i = 0; i < WAITERS; i++)
		START(receive_end, ch);
	WAIT_FOR(waiting() == WAITERS);
	weft_chan_close(ch);
	JOIN();
	for (int i = 0; i < 2; i++)
		thread_join(&threads[i]);
	is_at_end(ch);
	weft_chan_destroy(ch);
}

/* The last value and the close find a receiver each. */
static void send_then_close(size_t capacity)
{
	weft_chan_t *ch = new_channel(capacity);
	int got = -1;

	START(receive_one, ch, &got);
	WAIT_FOR(waiting() == 1);
	START(receive_end, ch);
	WAIT_FOR(waiting() == 2);
	CHECK_EQ(SEND(ch, 5), 0);
	weft_chan_close(ch);
	JOIN();
	CHECK_EQ(got, 5);
	is_at_end(ch);
	weft_chan_destroy(ch);
}

/* ---- not waiting ---- */

static void try_forms(void)
{
	weft_chan_t *ch = new_channel(0);
	int got = -1, v = 9;

	CHECK_EQ(TRY_SEND(ch, 1), -EAGAIN);
	CHECK_EQ(TRY_RECV(ch, &v), -EAGAIN);
	CHECK_EQ(v, 9);
	START(receive_one, ch, &got);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(TRY_RECV(ch, &v), -EAGAIN);
	CHECK_EQ(TRY_SEND(ch, 2), 0);
	CHECK_EQ(TRY_SEND(ch, 3), -EAGAIN);
	JOIN();
	CHECK_EQ(got, 2);
	START(send_one, ch, 4);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(TRY_SEND(ch, 5), -EAGAIN);
	CHECK_EQ(TRY_RECV(ch, &v), 1);
	CHECK_EQ(v, 4);
	CHECK_EQ(TRY_RECV(ch, &v), -EAGAIN);
	JOIN();
	end_channel(ch);

	ch = new_channel(1);
	CHECK_EQ(TRY_RECV(ch, &v), -EAGAIN);
	CHECK_EQ(TRY_SEND(ch, 6), 0);
	CHECK_EQ(TRY_SEND(ch, 7), -EAGAIN);
	CHECK_EQ(TRY_RECV(ch, &v), 1);
	CHECK_EQ(v, 6);
	end_channel(ch);
}

static void all(void *arg)
{
	(void)arg;
	for (size_t capacity = 0; capacity < 4; capacity++)
		one_after_the_other(capacity);
	one_after_the_other(1000);
	for (int capacity = 1; capacity < 9; capacity++)
		buffer_wraps(capacity);
	buffer_wraps(100);
	for (int capacity = 0; capacity < 4; capacity++) {
		receivers_in_order((size_t)capacity);
		senders_in_order(capacity);
		close_lets_drain(capacity);
		close_wakes_all((size_t)capacity);
		send_then_close((size_t)capacity);
	}
	some_give_up(0x01, 0);
	some_give_up(0x80, 0);
	some_give_up(0x5a, 0);
	some_give_up(0xa5, 2);
	some_give_up(0xff, 1);
	try_forms();
}

int main(void)
{
	static const size_t sizes[] = { sizeof(int), 8, 12, sizeof(struct elem) };

	test_begin();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		elem_size = sizes[i];
		on_both(all);
	}
	test_end();
	return 0;
}
