/* weft-test: timeout=300 */
/*
 * Tasks and plain threads that each send and receive, through random selects and plain calls over a set of
 * channels with and without buffers, while contexts are cancelled and deadlines pass. A message that was sent
 * is received exactly once, on its channel, and none else. Each round ends by closing the channels, after a
 * last receiver has seen their ends. WEFT_TEST_SEED repeats the choices (not the schedule); WEFT_TEST_OPS
 * scales.
 *
 * One task that always sends to any channel and one that always receives from any see to it that nobody waits
 * for ever.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(uint64_t) words_t;

enum { CHANNELS_MAX = 5, PARTIES_MAX = 12, CASES_MAX = 24, GENERATOR = PARTIES_MAX };

struct party {
	uint32_t random;
	unsigned index;
	unsigned attempts;
	uint32_t *sent; /* for each attempt, 1 + its case when it was sent */
	uint32_t *got;  /* the same by the receivers; atomic */
	uint64_t nsent, ngot; /* by this party */
	struct test_thread thread;
	bool is_thread;
};

static struct party parties[PARTIES_MAX + 1], sink;
static words_t channels[CHANNELS_MAX];
static unsigned nchannels, nparties;
static weft_waitgroup_t working, cancelling, generating, draining;
static bool done;       /* atomic: parties have ended */
static int idle_fds[2]; /* never readable */
static uint64_t failures[3], messages;

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

static void cancel_now_and_then(void *arg)
{
	uint32_t random = *(const uint32_t *)arg;

	while (!at_load(&done, RELAXED)) {
		weft_context_t *old, *new = new_context(false);
		weft_sleep(WEFT_US(below(&random, 200)));
		CHECK_EQ(pthread_mutex_lock(&mutex), 0);
		old = shared;
		shared = new;
		CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
		weft_context_destroy(old);
	}
}

/* ---- messages ---- */

static uint64_t message(unsigned party, unsigned attempt, unsigned number, unsigned channel)
{
	return (uint64_t)(party + 1) << 48 | (uint64_t)channel << 40 | (uint64_t)number << 32 | attempt;
}

static void was_sent(struct party *p, unsigned attempt, unsigned number)
{
	p->sent[attempt] = 1 + number;
	p->nsent++;
}

static void was_received(struct party *p, uint64_t word, unsigned channel)
{
	unsigned from = (unsigned)(word >> 48) - 1, number = (word >> 32) & 0xff, attempt = (uint32_t)word;

	CHECK(from < ARRAY_LEN(parties) && attempt < parties[from].attempts);
	CHECK_EQ(word, message(from, attempt, number, channel));
	CHECK_EQ(at_xchg(&parties[from].got[attempt], 1 + number, RELAXED), 0);
	p->ngot++;
}

static void count_failure(int r)
{
	CHECK(r == -ETIMEDOUT || r == -ECANCELED || r == -EAGAIN);
	at_add(&failures[r == -ETIMEDOUT ? 0 : r == -ECANCELED ? 1 : 2], 1, RELAXED);
	if (r == -EAGAIN)
		weft_yield();
}

static weft_time_t soon(uint32_t *random)
{
	return weft_deadline_in(WEFT_US(below(random, 100)));
}

/* ---- one select of random cases ---- */

struct draw {
	weft_case_t cases[CASES_MAX];
	uint64_t words[CASES_MAX];
	unsigned on[CASES_MAX]; /* channel */
	weft_context_t *contexts[CASES_MAX];
	unsigned n;
};

static void draw_case(struct party *p, struct draw *d, unsigned attempt)
{
	unsigned i = d->n++, channel = below(&p->random, nchannels);

	d->on[i] = channel;
	d->contexts[i] = NULL;
	switch (below(&p->random, 16)) {
	case 0:
		d->cases[i] = WEFT_ON_RECV((words_t)NULL, &d->words[i]);
		break;
	case 1:
		d->cases[i] = WEFT_ON_TIME(soon(&p->random));
		break;
	case 2:
		d->contexts[i] = shared_take();
		d->cases[i] = WEFT_ON_DONE(d->contexts[i]);
		break;
	case 3:
		d->cases[i] = WEFT_ON_FD(idle_fds[0], WEFT_READABLE);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		d->words[i] = message(p->index, attempt, i, channel);
		d->cases[i] = WEFT_ON_SEND(channels[channel], &d->words[i]);
		break;
	default:
		d->words[i] = ~0ull;
		d->cases[i] = WEFT_ON_RECV(channels[channel], &d->words[i]);
	}
}

static void select_somehow(struct party *p, unsigned attempt)
{
	struct draw d = { .n = 0 };
	weft_context_t *ctx = NULL;
	bool endless = true;
	int chosen;

	/* Mostly few; sometimes more than fit on the stack's array of the small form. */
	for (unsigned n = 1 + below(&p->random, below(&p->random, 8) == 0 ? CASES_MAX : 5); n > 0; n--)
		draw_case(p, &d, attempt);
	for (unsigned i = 0; i < d.n; i++)
		if (d.cases[i].op != WEFT_OP_FD && d.cases[i].weft__object != NULL)
			endless = false;
	switch (below(&p->random, 4)) {
	case 0:
		if (!endless) {
			chosen = weft_select(d.cases, d.n);
			break;
		}
		/* fall through */
	case 1:
		chosen = weft_select_until(d.cases, d.n, soon(&p->random));
		break;
	case 2:
		ctx = shared_take();
		chosen = weft_select_ctx(d.cases, d.n, ctx);
		break;
	default:
		chosen = weft_select_try(d.cases, d.n);
	}
	for (unsigned i = 0; i < d.n; i++) {
		weft_context_release(d.contexts[i]);
		if (d.cases[i].op == WEFT_OP_RECV && d.cases[i].weft__object != NULL && chosen != (int)i)
			CHECK(d.words[i] == ~0ull);
	}
	weft_context_release(ctx);
	if (chosen < 0) {
		count_failure(chosen);
		return;
	}
	CHECK(chosen < (int)d.n);
	if (d.cases[chosen].op == WEFT_OP_SEND) {
		CHECK_EQ(d.cases[chosen].result, 0);
		was_sent(p, attempt, (unsigned)chosen);
	} else if (d.cases[chosen].op == WEFT_OP_RECV) {
		CHECK_EQ(d.cases[chosen].result, 1);
		was_received(p, d.words[chosen], d.on[chosen]);
	}
}

/* ---- one plain call ---- */

static void call_somehow(struct party *p, unsigned attempt)
{
	unsigned channel = below(&p->random, nchannels), form = below(&p->random, 8);
	uint64_t word = form < 4 ? message(p->index, attempt, 0, channel) : ~0ull;
	words_t ch = channels[channel];
	weft_context_t *ctx = shared_take();
	int r;

	switch (form) {
	case 0:
		r = WEFT_SEND(ch, word);
		break;
	case 1:
		r = WEFT_TRY_SEND(ch, word);
		break;
	case 2:
		r = WEFT_SEND_UNTIL(ch, word, soon(&p->random));
		break;
	case 3:
		r = WEFT_SEND_CTX(ch, word, ctx);
		break;
	case 4:
		r = WEFT_RECV(ch, &word);
		break;
	case 5:
		r = WEFT_TRY_RECV(ch, &word);
		break;
	case 6:
		r = WEFT_RECV_UNTIL(ch, &word, soon(&p->random));
		break;
	default:
		r = WEFT_RECV_CTX(ch, &word, ctx);
	}
	weft_context_release(ctx);
	if (r < 0) {
		count_failure(r);
	} else if (form < 4) {
		CHECK_EQ(r, 0);
		was_sent(p, attempt, 0);
	} else {
		CHECK_EQ(r, 1);
		was_received(p, word, channel);
	}
}

static void take_part(void *arg)
{
	struct party *p = arg;

	for (unsigned attempt = 0; attempt < p->attempts; attempt++) {
		if (below(&p->random, 4) == 0)
			call_somehow(p, attempt);
		else
			select_somehow(p, attempt);
	}
}

/* ---- the two that see to it that everybody gets on ---- */

static void generate(void *arg)
{
	struct party *p = arg;
	uint64_t words[CHANNELS_MAX];
	weft_case_t cases[CHANNELS_MAX + 1];

	for (unsigned attempt = 0; attempt < p->attempts && !at_load(&done, RELAXED); attempt++) {
		int chosen;
		for (unsigned i = 0; i < nchannels; i++) {
			words[i] = message(p->index, attempt, i, i);
			cases[i] = WEFT_ON_SEND(channels[i], &words[i]);
		}
		/* Slowly, and without an end until nobody needs it. */
		weft_sleep(WEFT_US(below(&p->random, 20)));
		chosen = weft_select_until(cases, nchannels, weft_deadline_in(WEFT_MS(1)));
		if (chosen >= 0)
			was_sent(p, attempt, (unsigned)chosen);
		else
			CHECK_EQ(chosen, -ETIMEDOUT);
	}
}

static void drain(void *arg)
{
	struct party *p = arg;
	uint64_t words[CHANNELS_MAX];
	weft_case_t cases[CHANNELS_MAX];
	unsigned open = nchannels;

	for (unsigned i = 0; i < nchannels; i++)
		cases[i] = WEFT_ON_RECV(channels[i], &words[i]);
	while (open > 0) {
		int chosen = weft_select(cases, nchannels);
		CHECK(chosen >= 0 && chosen < (int)nchannels);
		if (cases[chosen].result == 1) {
			was_received(p, words[chosen], (unsigned)chosen);
		} else {
			CHECK_EQ(cases[chosen].result, 0);
			CHECK(at_load(&done, RELAXED));
			cases[chosen] = WEFT_ON_RECV((words_t)NULL, &words[chosen]);
			open--;
		}
		if (!at_load(&done, RELAXED) && below(&p->random, 2) == 0)
			weft_sleep(WEFT_US(below(&p->random, 20)));
	}
}

/* ---- rounds ---- */

static void prepare(struct party *p, unsigned index, unsigned attempts, uint32_t *random)
{
	*p = (struct party){ .index = index, .attempts = attempts, .random = random_next(random) };
	p->sent = calloc(attempts, sizeof(uint32_t));
	p->got = calloc(attempts, sizeof(uint32_t));
	CHECK(p->sent != NULL && p->got != NULL);
}

static uint64_t one_round(uint32_t *random)
{
	static const size_t capacities[] = { 0, 0, 0, 1, 2, 5 };
	uint64_t attempts = 0, sent = 0, received = 0;
	uint32_t other = random_next(random);

	nchannels = 1 + below(random, CHANNELS_MAX);
	nparties = 1 + below(random, PARTIES_MAX);
	at_store(&done, false, RELAXED);
	shared = new_context(false);
	for (unsigned i = 0; i < nchannels; i++) {
		channels[i] = WEFT_CHAN_CREATE(uint64_t, capacities[below(random, ARRAY_LEN(capacities))]);
		CHECK(channels[i] != NULL);
	}
	for (unsigned i = 0; i < nparties; i++) {
		prepare(&parties[i], i, 10 + below(random, 800), random);
		attempts += parties[i].attempts;
	}
	for (unsigned i = nparties; i < PARTIES_MAX; i++)
		parties[i].attempts = 0;
	prepare(&parties[GENERATOR], GENERATOR, 1000000, random);
	sink = (struct party){ .random = random_next(random) };

	CHECK_EQ(weft_waitgroup_go(&cancelling, cancel_now_and_then, &other), 0);
	CHECK_EQ(weft_waitgroup_go(&draining, drain, &sink), 0);
	CHECK_EQ(weft_waitgroup_go(&generating, generate, &parties[GENERATOR]), 0);
	for (unsigned i = 0; i < nparties; i++) {
		parties[i].is_thread = below(random, 4) == 0;
		if (parties[i].is_thread)
			thread_start(&parties[i].thread, take_part, &parties[i]);
		else
			CHECK_EQ(weft_waitgroup_go(&working, take_part, &parties[i]), 0);
	}
	for (unsigned i = 0; i < nparties; i++)
		if (parties[i].is_thread)
			thread_join(&parties[i].thread);
	CHECK_EQ(weft_waitgroup_wait(&working), 0);
	at_store(&done, true, RELAXED);
	CHECK_EQ(weft_waitgroup_wait(&generating), 0);
	CHECK_EQ(weft_waitgroup_wait(&cancelling), 0);
	for (unsigned i = 0; i < nchannels; i++)
		WEFT_CLOSE(channels[i]);
	CHECK_EQ(weft_waitgroup_wait(&draining), 0);

	received = sink.ngot;
	for (unsigned i = 0; i <= PARTIES_MAX; i++) {
		struct party *p = &parties[i];
		if (p->attempts == 0)
			continue;
		CHECK(memcmp(p->sent, p->got, p->attempts * sizeof(uint32_t)) == 0);
		sent += p->nsent;
		received += p->ngot;
		free(p->sent);
		free(p->got);
		p->attempts = 0;
	}
	CHECK_EQ(received, sent);
	messages += sent;
	for (unsigned i = 0; i < nchannels; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	weft_context_destroy(shared);
	return attempts;
}

int main(void)
{
	uint64_t budget = test_ops(80000);
	uint32_t random = test_seed();
	unsigned rounds = 0;

	CHECK(pipe2(idle_fds, O_CLOEXEC | O_NONBLOCK) == 0);
	test_begin();
	for (uint64_t used = 0; used < budget; rounds++)
		used += one_round(&random);
	fprintf(stderr, "%u rounds: %llu messages, %llu late, %llu cancelled, %llu not ready\n", rounds,
		(unsigned long long)messages, (unsigned long long)failures[0],
		(unsigned long long)failures[1], (unsigned long long)failures[2]);
	test_end();
	return 0;
}
