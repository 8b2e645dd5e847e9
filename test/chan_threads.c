/* weft-test: label=valgrind */
/*
 * Channels between tasks and plain threads: every mix of senders and receivers that block, with and without
 * deadlines and contexts.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(uint64_t) words_t;

enum { PARTIES = 3, CANCELLED = 3 };

static weft_waitgroup_t wg;
static unsigned each; /* messages of one sender */

struct party {
	words_t ch;
	unsigned index;
	uint64_t count, sum;
	struct test_thread thread;
	bool is_thread;
};

/* A message is sender and number; the numbers of one sender come in order. */
static void sender(void *arg)
{
	struct party *p = arg;

	for (unsigned i = 0; i < each; i++) {
		uint64_t word = (uint64_t)p->index << 32 | i;
		p->sum += word;
		p->count++;
		if (i % 3 == 0) {
			CHECK_EQ(WEFT_SEND_UNTIL(p->ch, word, weft_deadline_in(WEFT_S(1000))), 0);
		} else {
			CHECK_EQ(WEFT_SEND(p->ch, word), 0);
		}
	}
}

static void receiver(void *arg)
{
	struct party *p = arg;
	uint32_t next[PARTIES * 2] = { 0 };
	uint64_t word;

	for (;;) {
		int r = p->count % 3 == 0 ? WEFT_RECV_UNTIL(p->ch, &word, weft_deadline_in(WEFT_S(1000)))
					  : WEFT_RECV(p->ch, &word);
		if (r == 0)
			break;
		CHECK_EQ(r, 1);
		CHECK(word >> 32 < ARRAY_LEN(next));
		CHECK((uint32_t)word >= next[word >> 32]);
		next[word >> 32] = (uint32_t)word + 1;
		p->sum += word;
		p->count++;
	}
	CHECK_EQ(word, 0);
}

static void party_start(struct party *p, words_t ch, unsigned index, bool is_thread, weft_fn_t *fn)
{
	*p = (struct party){ .ch = ch, .index = index, .is_thread = is_thread };
	if (is_thread)
		thread_start(&p->thread, fn, p);
	else
		CHECK_EQ(weft_waitgroup_go(&wg, fn, p), 0);
}

static void parties_end(struct party *parties, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (parties[i].is_thread)
			thread_join(&parties[i].thread);
}

/* How many of the n senders and receivers are threads. */
static void mix(unsigned n, unsigned sending_threads, unsigned receiving_threads, size_t capacity)
{
	struct party senders[PARTIES], receivers[PARTIES];
	words_t ch = WEFT_CHAN_CREATE(uint64_t, capacity);
	weft_waitgroup_t receiving = WEFT_WAITGROUP_INIT;
	uint64_t sent = 0, received = 0, sent_sum = 0, received_sum = 0;

	CHECK(ch != NULL);
	for (unsigned i = 0; i < n; i++) {
		receivers[i] = (struct party){ .ch = ch, .is_thread = i < receiving_threads };
		if (receivers[i].is_thread)
			thread_start(&receivers[i].thread, receiver, &receivers[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&receiving, receiver, &receivers[i]), 0);
	}
	for (unsigned i = 0; i < n; i++)
		party_start(&senders[i], ch, i, i < sending_threads, sender);
	parties_end(senders, n);
	JOIN();
	WEFT_CLOSE(ch);
	parties_end(receivers, n);
	CHECK_EQ(weft_waitgroup_wait(&receiving), 0);
	for (unsigned i = 0; i < n; i++) {
		sent += senders[i].count;
		sent_sum += senders[i].sum;
		received += receivers[i].count;
		received_sum += receivers[i].sum;
	}
	CHECK_EQ(sent, (uint64_t)n * each);
	CHECK_EQ(received, sent);
	CHECK_EQ(received_sum, sent_sum);
	WEFT_CHAN_DESTROY(ch);
}

/* ---- threads that give up ---- */

static void thread_times_out(void *arg)
{
	words_t ch = (words_t)arg;
	weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
	uint64_t word = 11;

	CHECK_EQ(WEFT_RECV_UNTIL(ch, &word, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	deadline = weft_deadline_in(WEFT_MS(1));
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 1, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(word, 11);
}

struct cancelled {
	words_t ch;
	weft_context_t *ctx;
	struct test_thread thread;
	bool sends;
};

static void thread_is_cancelled(void *arg)
{
	struct cancelled *c = arg;
	uint64_t word = 12;

	if (c->sends)
		CHECK_EQ(WEFT_SEND_CTX(c->ch, 1, c->ctx), -ECANCELED);
	else
		CHECK_EQ(WEFT_RECV_CTX(c->ch, &word, c->ctx), -ECANCELED);
	CHECK_EQ(word, 12);
}

WEFT_TASK(cancel, weft_context_t *, ctx)
{
	weft_context_cancel(ctx);
	weft_waitgroup_done(&wg);
}

static void giving_up(void)
{
	words_t ch = WEFT_CHAN_CREATE(uint64_t, 0), other = WEFT_CHAN_CREATE(uint64_t, 0);
	weft_context_t *ctx = weft_context_create(NULL);
	struct test_thread threads[2];
	struct cancelled cancelled[2 * CANCELLED];

	CHECK(ch != NULL && other != NULL && ctx != NULL);
	/* Alone, else they would meet. */
	for (int i = 0; i < 2; i++) {
		thread_start(&threads[i], thread_times_out, ch);
		thread_join(&threads[i]);
	}
	for (int i = 0; i < 2 * CANCELLED; i++) {
		cancelled[i] =
			(struct cancelled){ .ch = i % 2 == 0 ? ch : other, .ctx = ctx, .sends = i % 2 == 0 };
		thread_start(&cancelled[i].thread, thread_is_cancelled, &cancelled[i]);
	}
	START(cancel, ctx);
	JOIN();
	for (int i = 0; i < 2 * CANCELLED; i++)
		thread_join(&cancelled[i].thread);
	CHECK_EQ(WEFT_TRY_RECV(ch, NULL), -EAGAIN);
	CHECK_EQ(WEFT_TRY_SEND(other, 1), -EAGAIN);
	WEFT_CHAN_DESTROY(ch);
	WEFT_CHAN_DESTROY(other);
	weft_context_destroy(ctx);
}

/* ---- there and back, task and thread in turn ---- */

struct pair {
	words_t there, back;
	unsigned rounds;
};

static void echo(void *arg)
{
	struct pair *p = arg;

	WEFT_RANGE(word, p->there)
	CHECK_EQ(WEFT_SEND(p->back, word + 1), 0);
	WEFT_CLOSE(p->back);
}

static void ping(void *arg)
{
	struct pair *p = arg;
	uint64_t word = 0;

	for (unsigned i = 0; i < p->rounds; i++) {
		CHECK_EQ(WEFT_SEND(p->there, word), 0);
		CHECK_EQ(WEFT_RECV(p->back, &word), 1);
		CHECK_EQ(word, i + 1);
	}
	WEFT_CLOSE(p->there);
	CHECK_EQ(WEFT_RECV(p->back, &word), 0);
}

static void there_and_back(bool echo_on_thread, size_t capacity)
{
	struct pair p = { .rounds = test_scaled(1000) };
	struct test_thread thread;

	p.there = WEFT_CHAN_CREATE(uint64_t, capacity);
	p.back = WEFT_CHAN_CREATE(uint64_t, capacity);
	CHECK(p.there != NULL && p.back != NULL);
	thread_start(&thread, echo_on_thread ? echo : ping, &p);
	CHECK_EQ(weft_run(echo_on_thread ? ping : echo, &p), 0);
	thread_join(&thread);
	WEFT_CHAN_DESTROY(p.there);
	WEFT_CHAN_DESTROY(p.back);
}

int main(void)
{
	static const size_t capacities[] = { 0, 1, 5 };

	test_begin();
	each = test_scaled(500);
	for (size_t c = 0; c < ARRAY_LEN(capacities); c++) {
		for (unsigned sending = 0; sending <= PARTIES; sending++)
			for (unsigned receiving = 0; receiving <= PARTIES; receiving++)
				mix(PARTIES, sending, receiving, capacities[c]);
		mix(1, 1, 1, capacities[c]);
		mix(1, 0, 1, capacities[c]);
		mix(1, 1, 0, capacities[c]);
		there_and_back(false, capacities[c]);
		there_and_back(true, capacities[c]);
	}
	for (unsigned i = 0; i < test_scaled(20); i++)
		giving_up();
	test_end();
	return 0;
}
