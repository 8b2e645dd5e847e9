/* weft-test: timeout=300 */
/*
 * Selects against selects: two that wait for each other must both be claimed, or neither, whoever else is
 * after one of them at the same time. Each meeting passes one message, once and in order, and somebody always
 * gets on.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(uint64_t) words_t;

enum { PARTIES_MAX = 16 };

static weft_waitgroup_t wg;
static words_t channels[PARTIES_MAX], stop;
static unsigned nparties, nchannels;
static uint64_t target, met; /* met: atomic: messages received */

static words_t new_channel(void)
{
	words_t ch = WEFT_CHAN_CREATE(uint64_t, 0);

	CHECK(ch != NULL);
	return ch;
}

/* The one who counts to the target ends the round. */
static void count_meeting(void)
{
	if (at_add(&met, 1, RELAXED) + 1 == target)
		WEFT_CLOSE(stop);
}

struct party {
	unsigned index;
	uint64_t sent, received; /* messages */
	uint64_t sent_sum, received_sum;
	uint32_t random;
	struct test_thread thread;
	bool is_thread;
};

static struct party parties[PARTIES_MAX];

/* ---- a ring: each sends on its own channel, or receives on that of the next ---- */

static void in_ring(void *arg)
{
	struct party *p = arg;
	uint64_t in = ~0ull, out = 0;
	weft_case_t cases[3];
	bool flip = p->index % 2 == 0;

	cases[flip] = WEFT_ON_SEND(channels[p->index], &out);
	cases[!flip] = WEFT_ON_RECV(channels[(p->index + 1) % nparties], &in);
	cases[2] = WEFT_ON_RECV(stop, NULL);
	for (;;) {
		int chosen = weft_select(cases, 3);
		if (chosen == 2)
			break;
		if (chosen == flip) {
			p->sent++;
			out++;
		} else {
			/* One sender, one receiver: nothing is lost, nothing comes twice. */
			CHECK_EQ(in, p->received);
			p->received++;
			count_meeting();
		}
	}
}

/* ---- a crowd: each sends or receives, on whichever channel somebody is found ---- */

static void in_crowd(void *arg)
{
	struct party *p = arg;
	weft_case_t cases[2 * PARTIES_MAX + 1];
	uint64_t in = ~0ull, out;
	unsigned n = 2 * nchannels;

	for (unsigned i = 0; i < nchannels; i++) {
		cases[2 * i] = WEFT_ON_SEND(channels[i], &out);
		cases[2 * i + 1] = WEFT_ON_RECV(channels[i], &in);
	}
	cases[n] = WEFT_ON_RECV(stop, NULL);
	for (;;) {
		int chosen;
		/* In another order each time. */
		for (unsigned i = n - 1; i > 0; i--) {
			unsigned k = below(&p->random, i + 1);
			weft_case_t c = cases[i];
			cases[i] = cases[k];
			cases[k] = c;
		}
		out = (uint64_t)p->index << 32 | p->sent;
		in = ~0ull;
		chosen = weft_select(cases, n + 1);
		if (chosen == (int)n)
			break;
		if (cases[chosen].op == WEFT_OP_SEND) {
			CHECK(in == ~0ull);
			p->sent_sum += out;
			p->sent++;
		} else {
			CHECK(in >> 32 < nparties && in >> 32 != p->index);
			p->received_sum += in;
			p->received++;
			count_meeting();
		}
	}
	CHECK(in == ~0ull);
}

/* ---- a crowd of which each member looks for a few things only, and not for long ---- */

static void in_hurry(void *arg)
{
	struct party *p = arg;

	for (;;) {
		uint64_t in = ~0ull, out = (uint64_t)p->index << 32 | p->sent;
		weft_case_t cases[5];
		unsigned n = 1 + below(&p->random, 4);
		int chosen;
		for (unsigned i = 0; i < n; i++) {
			words_t ch = channels[below(&p->random, nchannels)];
			cases[i] = below(&p->random, 2) == 0 ? WEFT_ON_SEND(ch, &out) : WEFT_ON_RECV(ch, &in);
		}
		cases[n] = WEFT_ON_RECV(stop, NULL);
		chosen = weft_select_until(cases, n + 1, weft_deadline_in(below(&p->random, 100000)));
		if (chosen == (int)n)
			break;
		if (chosen == -ETIMEDOUT) {
			CHECK(in == ~0ull);
		} else if (cases[chosen].op == WEFT_OP_SEND) {
			CHECK(in == ~0ull);
			p->sent_sum += out;
			p->sent++;
		} else {
			CHECK(in >> 32 < nparties && in >> 32 != p->index);
			p->received_sum += in;
			p->received++;
			count_meeting();
		}
	}
}

/* ---- rounds ---- */

static void one_round(
	weft_fn_t *fn, unsigned n, unsigned threads, unsigned over, uint64_t meetings, uint32_t seed)
{
	uint64_t sent = 0, received = 0, sent_sum = 0, received_sum = 0;

	nparties = n;
	nchannels = over;
	target = meetings;
	at_store(&met, 0, RELAXED);
	stop = new_channel();
	for (unsigned i = 0; i < nchannels; i++)
		channels[i] = new_channel();
	for (unsigned i = 0; i < n; i++) {
		parties[i] = (struct party){
			.index = i, .random = random_stream(seed, i), .is_thread = i < threads
		};
		if (parties[i].is_thread)
			thread_start(&parties[i].thread, fn, &parties[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, fn, &parties[i]), 0);
	}
	for (unsigned i = 0; i < n; i++)
		if (parties[i].is_thread)
			thread_join(&parties[i].thread);
	JOIN();
	for (unsigned i = 0; i < n; i++) {
		sent += parties[i].sent;
		received += parties[i].received;
		sent_sum += parties[i].sent_sum;
		received_sum += parties[i].received_sum;
		if (fn == in_ring)
			CHECK_EQ(parties[i].received, parties[(i + 1) % n].sent);
	}
	CHECK_EQ(received, sent);
	CHECK_EQ(received_sum, sent_sum);
	CHECK_EQ(received, at_load(&met, RELAXED));
	CHECK(received >= target);
	for (unsigned i = 0; i < nchannels; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	WEFT_CHAN_DESTROY(stop);
}

int main(void)
{
	static const unsigned sizes[] = { 2, 3, 4, 7, 16 };
	uint32_t seed = test_seed();

	test_begin();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned n = sizes[i];
		uint64_t few = test_scaled(4000), many = test_scaled(60000);
		one_round(in_ring, n, 0, n, many, seed);
		one_round(in_ring, n, 1, n, few, seed);
		one_round(in_ring, n, n, n, few, seed);
		one_round(in_crowd, n, 0, 1, many, random_next(&seed));
		one_round(in_crowd, n, 0, 3, many, random_next(&seed));
		one_round(in_crowd, n, n / 2, 2, few, random_next(&seed));
		one_round(in_crowd, n, n, 4, few, random_next(&seed));
		one_round(in_hurry, n, 0, 2, few, random_next(&seed));
		one_round(in_hurry, n, n / 2, 3, few, random_next(&seed));
	}
	test_end();
	return 0;
}
