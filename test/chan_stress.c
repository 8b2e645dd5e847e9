/* weft-test: timeout=300 */
/*
 * Many senders and receivers, tasks and plain threads, on a few channels of random capacity, with every form
 * of send, receive and select, deadlines that pass and contexts that are cancelled meanwhile. What was sent
 * is received exactly once and nothing else is; a receiver gets the messages of one sender on one channel in
 * order. Each round ends by closing the channels. WEFT_TEST_SEED repeats the choices (not the schedule);
 * WEFT_TEST_OPS scales.
 *
 * Each channel has a receiver that looks at nothing else, so that senders always get on.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(uint64_t) words_t;

enum { CHANNELS_MAX = 4, SENDERS_MAX = 12, RECEIVERS_MAX = 10 };

struct party {
	uint32_t random;
	unsigned index;
	unsigned attempts;                        /* sender */
	uint64_t messages;                        /* that went through */
	uint32_t *sent; /* sender: for each attempt, 1 + channel when it was sent */
	uint32_t *got;  /* the same by the receivers; atomic */
	int only;                                 /* receiver: the one channel that it looks at; -1: all */
	uint32_t next[CHANNELS_MAX][SENDERS_MAX]; /* receiver: the first attempt that may come yet */
	struct test_thread thread;
	bool is_thread;
};

static struct party senders[SENDERS_MAX], receivers[RECEIVERS_MAX];
static words_t channels[CHANNELS_MAX];
static unsigned nchannels, nsenders, nreceivers;
static weft_waitgroup_t sending, receiving, cancelling;
static bool all_sent;                                       /* atomic */
static uint64_t timed_out, cancelled, not_ready, delivered; /* atomic: outcomes */

/* ---- a context that is cancelled now and then ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static weft_context_t *shared; /* under mutex */

static weft_context_t *shared_take(void)
{
	weft_context_t *ctx;

	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	ctx = weft_context_retain(shared);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	return ctx;
}

static void shared_replace(weft_context_t *with)
{
	weft_context_t *old;

	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	old = shared;
	shared = with;
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
	weft_context_destroy(old);
}

static void cancel_now_and_then(void *arg)
{
	uint32_t random = *(const uint32_t *)arg;

	while (!at_load(&all_sent, RELAXED)) {
		weft_sleep(WEFT_US(below(&random, 200)));
		shared_replace(new_context(false));
	}
}

/* ---- sending and receiving ---- */

static uint64_t message(unsigned sender, unsigned channel, unsigned attempt)
{
	return (uint64_t)(sender + 1) << 48 | (uint64_t)channel << 40 | attempt;
}

static weft_time_t soon(uint32_t *random)
{
	return weft_deadline_in(WEFT_US(below(random, 100)));
}

/* A failure must be one of those that were asked for. */
static void count_failure(int r)
{
	switch (r) {
	case -ETIMEDOUT:
		at_add(&timed_out, 1, RELAXED);
		break;
	case -ECANCELED:
		at_add(&cancelled, 1, RELAXED);
		break;
	default:
		CHECK_EQ(r, -EAGAIN);
		at_add(&not_ready, 1, RELAXED);
		weft_yield();
	}
}

/* By a select; n more cases of what is not a channel are added, and are told by a result of their own. */
static int select_somehow(weft_case_t *cases, size_t n, uint32_t *random)
{
	weft_context_t *ctx;
	int chosen;

	switch (below(random, 5)) {
	case 0:
		return weft_select(cases, n);
	case 1:
		return weft_select_try(cases, n);
	case 2:
		return weft_select_until(cases, n, soon(random));
	case 3:
		ctx = shared_take();
		chosen = weft_select_ctx(cases, n, ctx);
		break;
	default:
		ctx = shared_take();
		cases[n] = WEFT_ON_DONE(ctx);
		cases[n + 1] = WEFT_ON_TIME(soon(random));
		chosen = weft_select(cases, n + 2);
		if (chosen == (int)n)
			chosen = -ECANCELED;
		else if (chosen == (int)n + 1)
			chosen = -ETIMEDOUT;
	}
	weft_context_release(ctx);
	return chosen;
}

/* Returns the channel that it was sent on, or a failure. */
static int send_somehow(struct party *p, unsigned attempt)
{
	uint64_t words[CHANNELS_MAX * 2];
	weft_case_t cases[CHANNELS_MAX * 2 + 2];
	unsigned channel = below(&p->random, nchannels), on[CHANNELS_MAX * 2], n;
	uint64_t word = message(p->index, channel, attempt);
	weft_context_t *ctx;
	int r;

	switch (below(&p->random, 6)) {
	case 0:
	case 1:
		r = WEFT_SEND(channels[channel], word);
		break;
	case 2:
		r = WEFT_TRY_SEND(channels[channel], word);
		break;
	case 3:
		r = WEFT_SEND_UNTIL(channels[channel], word, soon(&p->random));
		break;
	case 4:
		ctx = shared_take();
		r = WEFT_SEND_CTX(channels[channel], word, ctx);
		weft_context_release(ctx);
		break;
	default:
		/* To whichever takes it, one channel perhaps twice. */
		n = 1 + below(&p->random, nchannels + 2);
		for (unsigned i = 0; i < n; i++) {
			on[i] = below(&p->random, nchannels);
			words[i] = message(p->index, on[i], attempt);
			cases[i] = WEFT_ON_SEND(channels[on[i]], &words[i]);
		}
		r = select_somehow(cases, n, &p->random);
		if (r >= 0) {
			CHECK(r < (int)n);
			CHECK_EQ(cases[r].result, 0);
			channel = on[r];
			r = 0;
		}
	}
	CHECK(r <= 0);
	return r < 0 ? r : (int)channel;
}

static void send_all(void *arg)
{
	struct party *p = arg;

	for (unsigned attempt = 0; attempt < p->attempts; attempt++) {
		int channel = send_somehow(p, attempt);
		if (channel < 0) {
			count_failure(channel);
		} else {
			p->sent[attempt] = 1 + channel;
			p->messages++;
		}
	}
}

static void take(struct party *p, unsigned channel, uint64_t word)
{
	unsigned sender = (unsigned)(word >> 48) - 1, attempt = (uint32_t)word & 0xffffff;

	CHECK(sender < nsenders && attempt < senders[sender].attempts);
	CHECK_EQ(word, message(sender, channel, attempt));
	CHECK_EQ(at_xchg(&senders[sender].got[attempt], 1 + channel, RELAXED), 0);
	CHECK(attempt >= p->next[channel][sender]);
	p->next[channel][sender] = attempt + 1;
	p->messages++;
}

/* Returns 1 and the channel, 0 and a channel at its end, or a failure. open: a bit for each channel. */
static int receive_somehow(struct party *p, unsigned open, unsigned *channel, uint64_t *word)
{
	uint64_t words[CHANNELS_MAX];
	weft_case_t cases[CHANNELS_MAX + 2];
	weft_context_t *ctx;
	int r;

	do
		*channel = below(&p->random, nchannels);
	while ((open >> *channel & 1) == 0);
	*word = ~0ull;
	switch (below(&p->random, 7)) {
	case 0:
	case 1:
		return WEFT_RECV(channels[*channel], word);
	case 2:
		return WEFT_TRY_RECV(channels[*channel], word);
	case 3:
		return WEFT_RECV_UNTIL(channels[*channel], word, soon(&p->random));
	case 4:
		ctx = shared_take();
		r = WEFT_RECV_CTX(channels[*channel], word, ctx);
		weft_context_release(ctx);
		return r;
	default:
		/* From whichever has something; those at their end are switched off. */
		for (unsigned i = 0; i < nchannels; i++) {
			words[i] = ~0ull;
			cases[i] = WEFT_ON_RECV(open >> i & 1 ? channels[i] : NULL, &words[i]);
		}
		r = select_somehow(cases, nchannels, &p->random);
		for (unsigned i = 0; i < nchannels; i++)
			if (r != (int)i)
				CHECK(words[i] == ~0ull);
		if (r < 0)
			return r;
		CHECK(r < (int)nchannels && (open >> r & 1) != 0);
		*channel = (unsigned)r;
		*word = words[r];
		return cases[r].result;
	}
}

static void receive_all(void *arg)
{
	struct party *p = arg;
	unsigned open = p->only >= 0 ? 1u << p->only : (1u << nchannels) - 1, channel;
	uint64_t word;

	while (open != 0) {
		int r = receive_somehow(p, open, &channel, &word);
		if (r < 0) {
			CHECK(word == ~0ull);
			count_failure(r);
		} else if (r == 0) {
			CHECK_EQ(word, 0);
			CHECK(at_load(&all_sent, RELAXED));
			open &= ~(1u << channel);
		} else {
			CHECK_EQ(r, 1);
			take(p, channel, word);
		}
	}
}

/* ---- rounds ---- */

static void start(struct party *p, weft_waitgroup_t *group, weft_fn_t *fn, uint32_t *random)
{
	p->random = random_next(random);
	p->is_thread = below(random, 4) == 0;
	if (p->is_thread)
		thread_start(&p->thread, fn, p);
	else
		CHECK_EQ(weft_waitgroup_go(group, fn, p), 0);
}

static void join(struct party *parties, unsigned n, weft_waitgroup_t *group)
{
	for (unsigned i = 0; i < n; i++)
		if (parties[i].is_thread)
			thread_join(&parties[i].thread);
	CHECK_EQ(weft_waitgroup_wait(group), 0);
}

static uint64_t one_round(uint32_t *random)
{
	static const size_t capacities[] = { 0, 0, 0, 1, 1, 2, 3, 10, 100 };
	uint64_t attempts = 0, sent = 0, received = 0;
	uint32_t other = random_next(random);

	nchannels = 1 + below(random, CHANNELS_MAX);
	nsenders = 1 + below(random, SENDERS_MAX);
	nreceivers = nchannels + below(random, RECEIVERS_MAX - nchannels + 1);
	for (unsigned i = 0; i < nchannels; i++) {
		channels[i] = WEFT_CHAN_CREATE(uint64_t, capacities[below(random, ARRAY_LEN(capacities))]);
		CHECK(channels[i] != NULL);
	}
	at_store(&all_sent, false, RELAXED);
	shared = new_context(false);
	for (unsigned i = 0; i < nsenders; i++) {
		senders[i] = (struct party){ .index = i, .attempts = 10 + below(random, 1000) };
		senders[i].sent = calloc(senders[i].attempts, sizeof(uint32_t));
		senders[i].got = calloc(senders[i].attempts, sizeof(uint32_t));
		CHECK(senders[i].sent != NULL && senders[i].got != NULL);
		attempts += senders[i].attempts;
	}
	CHECK_EQ(weft_waitgroup_go(&cancelling, cancel_now_and_then, &other), 0);
	for (unsigned i = 0; i < nreceivers; i++) {
		receivers[i] = (struct party){ .only = i < nchannels ? (int)i : -1 };
		start(&receivers[i], &receiving, receive_all, random);
	}
	for (unsigned i = 0; i < nsenders; i++)
		start(&senders[i], &sending, send_all, random);

	join(senders, nsenders, &sending);
	at_store(&all_sent, true, RELAXED);
	CHECK_EQ(weft_waitgroup_wait(&cancelling), 0);
	for (unsigned i = 0; i < nchannels; i++)
		WEFT_CLOSE(channels[i]);
	join(receivers, nreceivers, &receiving);

	for (unsigned i = 0; i < nsenders; i++) {
		CHECK(memcmp(senders[i].sent, senders[i].got, senders[i].attempts * sizeof(uint32_t)) == 0);
		sent += senders[i].messages;
		free(senders[i].sent);
		free(senders[i].got);
	}
	for (unsigned i = 0; i < nreceivers; i++)
		received += receivers[i].messages;
	CHECK_EQ(received, sent);
	delivered += sent;
	for (unsigned i = 0; i < nchannels; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	weft_context_destroy(shared);
	return attempts;
}

int main(void)
{
	uint64_t budget = test_ops(150000);
	uint32_t random = test_seed();
	unsigned rounds = 0;

	test_begin();
	for (uint64_t used = 0; used < budget; rounds++)
		used += one_round(&random);
	fprintf(stderr, "%u rounds: %llu messages, %llu late, %llu cancelled, %llu not ready\n", rounds,
		(unsigned long long)delivered, (unsigned long long)timed_out, (unsigned long long)cancelled,
		(unsigned long long)not_ready);
	test_end();
	return 0;
}
