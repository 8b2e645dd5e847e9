/* weft-test: timeout=240 libs=m */
/*
 * Select chooses uniformly among the cases that are ready: each count over many rounds lies within 4.89
 * standard errors of its mean, which chance alone leaves one time in a million. A measure that does not is
 * taken once more, and must then: so chance fails this test less than once in 10^10 runs, a lasting bias of a
 * few percent each time.
 */
#include "test.h"

#include <math.h>

#include "chan_help.h"
#include "waiting.h"

typedef WEFT_CHAN(int) ints_t;

enum { MOST = 16 };

static weft_waitgroup_t wg;
static unsigned rounds;

static ints_t new_channel(size_t capacity)
{
	ints_t ch = WEFT_CHAN_CREATE(int, capacity);

	CHECK(ch != NULL);
	return ch;
}

static bool is_uniform(const unsigned *counts, unsigned n)
{
	double p = 1.0 / n, mean = rounds * p, error = sqrt(rounds * p * (1 - p));
	unsigned sum = 0;
	bool uniform = true;

	for (unsigned i = 0; i < n; i++) {
		sum += counts[i];
		if (fabs(counts[i] - mean) > 4.89 * error)
			uniform = false;
	}
	CHECK_EQ(sum, rounds);
	return uniform;
}

typedef void measure_fn_t(unsigned *counts, unsigned n);

static void must_be_uniform(const char *what, measure_fn_t *measure, unsigned n)
{
	unsigned counts[MOST];

	for (int attempt = 0; attempt < 2; attempt++) {
		memset(counts, 0, sizeof counts);
		measure(counts, n);
		if (is_uniform(counts, n))
			return;
		fprintf(stderr, "%s, %u cases, %u rounds:", what, n, rounds);
		for (unsigned i = 0; i < n; i++)
			fprintf(stderr, " %u", counts[i]);
		fprintf(stderr, "\n");
	}
	test_fail("the choice is not uniform\n");
}

/* ---- ready at once ---- */

static void closed_channels(unsigned *counts, unsigned n)
{
	ints_t ch = new_channel(0);
	weft_case_t cases[MOST];

	WEFT_CLOSE(ch);
	for (unsigned i = 0; i < n; i++)
		cases[i] = WEFT_ON_RECV(ch, NULL);
	for (unsigned i = 0; i < rounds; i++)
		counts[weft_select(cases, n)]++;
	WEFT_CHAN_DESTROY(ch);
}

/* Each filled again when it was chosen. */
static void filled_channels(unsigned *counts, unsigned n)
{
	ints_t channels[MOST];
	weft_case_t cases[MOST];
	int v = 0;

	for (unsigned i = 0; i < n; i++) {
		channels[i] = new_channel(1);
		CHECK_EQ(WEFT_SEND(channels[i], (int)i), 0);
		cases[i] = WEFT_ON_RECV(channels[i], &v);
	}
	for (unsigned i = 0; i < rounds; i++) {
		int chosen = weft_select(cases, n);
		CHECK_EQ(v, chosen);
		CHECK_EQ(WEFT_SEND(channels[chosen], v), 0);
		counts[chosen]++;
	}
	for (unsigned i = 0; i < n; i++)
		WEFT_CHAN_DESTROY(channels[i]);
}

/* Every other one can send, and some cases are never ready. */
static void mixed(unsigned *counts, unsigned n)
{
	weft_context_t *ctx = weft_context_create(NULL);
	ints_t channels[MOST];
	weft_case_t cases[3 * MOST];
	int v = 0, none;

	CHECK(ctx != NULL);
	weft_context_cancel(ctx);
	for (unsigned i = 0; i < n; i++) {
		channels[i] = new_channel(1);
		cases[3 * i] = WEFT_ON_RECV((ints_t)NULL, &none);
		cases[3 * i + 2] = WEFT_ON_TIME(WEFT_NEVER);
		switch (i % 4) {
		case 0:
			cases[3 * i + 1] = WEFT_ON_SEND(channels[i], &v);
			break;
		case 1:
			CHECK_EQ(WEFT_SEND(channels[i], 1), 0);
			cases[3 * i + 1] = WEFT_ON_RECV(channels[i], &v);
			break;
		case 2:
			cases[3 * i + 1] = WEFT_ON_DONE(ctx);
			break;
		default:
			cases[3 * i + 1] = WEFT_ON_TIME(0);
		}
	}
	for (unsigned i = 0; i < rounds; i++) {
		int chosen = weft_select_try(cases, 3 * n);
		CHECK(chosen % 3 == 1);
		chosen /= 3;
		counts[chosen]++;
		if (chosen % 4 == 0)
			CHECK_EQ(WEFT_RECV(channels[chosen], &v), 1);
		else if (chosen % 4 == 1)
			CHECK_EQ(WEFT_SEND(channels[chosen], v), 0);
	}
	for (unsigned i = 0; i < n; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	weft_context_destroy(ctx);
}

static void blocks_of_two(unsigned *counts, unsigned n)
{
	ints_t ch = new_channel(0);

	CHECK_EQ(n, 2);
	WEFT_CLOSE(ch);
	for (unsigned i = 0; i < rounds; i++) {
		WEFT_SELECT
		{
			WEFT_CASE_RECV(ch, NULL)
			counts[0]++;
			WEFT_CASE_RECV(ch, NULL)
			counts[1]++;
			WEFT_CASE_DEFAULT
			CHECK(false);
		}
	}
	WEFT_CHAN_DESTROY(ch);
}

/* ---- among waiting partners ---- */

static unsigned returns; /* atomic: calls of the partners that came back */

/* Both end by the close of `stop`. */
WEFT_TASK(sends_on, ints_t, ch, ints_t, stop)
{
	int value = 1;
	weft_case_t cases[] = { WEFT_ON_SEND(ch, &value), WEFT_ON_RECV(stop, NULL) };

	while (weft_select(cases, 2) == 0)
		at_add(&returns, 1, RELEASE);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(receives_on, ints_t, ch)
{
	int value;

	while (WEFT_RECV(ch, &value) == 1)
		at_add(&returns, 1, RELEASE);
	weft_waitgroup_done(&wg);
}

/* All partners wait again: those that were chosen have come back, and nobody runs. */
static void all_wait(unsigned returned, unsigned n)
{
	while (at_load(&returns, ACQUIRE) != returned || waiting() != n)
		weft_yield();
}

static void waiting_partners(unsigned *counts, unsigned n, bool they_send)
{
	ints_t channels[MOST], stop = new_channel(0);
	weft_case_t cases[MOST];
	int v = 5;

	returns = 0;
	for (unsigned i = 0; i < n; i++) {
		channels[i] = new_channel(0);
		if (they_send) {
			cases[i] = WEFT_ON_RECV(channels[i], &v);
			START(sends_on, channels[i], stop);
		} else {
			cases[i] = WEFT_ON_SEND(channels[i], &v);
			START(receives_on, channels[i]);
		}
	}
	for (unsigned i = 0; i < rounds; i++) {
		all_wait(i, n);
		counts[weft_select_try(cases, n)]++;
	}
	all_wait(rounds, n);
	WEFT_CLOSE(stop);
	if (!they_send)
		for (unsigned i = 0; i < n; i++)
			WEFT_CLOSE(channels[i]);
	JOIN();
	for (unsigned i = 0; i < n; i++)
		WEFT_CHAN_DESTROY(channels[i]);
	WEFT_CHAN_DESTROY(stop);
}

static void waiting_senders(unsigned *counts, unsigned n)
{
	waiting_partners(counts, n, true);
}

static void waiting_receivers(unsigned *counts, unsigned n)
{
	waiting_partners(counts, n, false);
}

static void all(void *arg)
{
	static const unsigned sizes[] = { 2, 5, 16 };

	(void)arg;
	must_be_uniform("a block", blocks_of_two, 2);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		must_be_uniform("closed channels", closed_channels, sizes[i]);
		must_be_uniform("filled channels", filled_channels, sizes[i]);
		must_be_uniform("mixed cases", mixed, sizes[i]);
		must_be_uniform("waiting senders", waiting_senders, sizes[i]);
		must_be_uniform("waiting receivers", waiting_receivers, sizes[i]);
	}
}

int main(void)
{
	rounds = test_scaled(10000);
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
