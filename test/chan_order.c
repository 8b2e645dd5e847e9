/* weft-test: label=valgrind */
/*
 * What a channel orders, shown by plain variables: a send before its receive, a close before the receive of
 * the end, on capacity 0 a receive before the end of its send, on capacity C the k-th receive before the end
 * of the k+C-th send. Each by plain calls and by select, between tasks and threads. ThreadSanitizer sees what
 * the values do not.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(int) ints_t;

enum { CAPACITY = 3, CONTENDERS = 4 };

/* One party of a scenario; the plain variables are in `data`. */
struct shared {
	ints_t ch;
	bool by_select;
	unsigned rounds;
	long *data;
};

static weft_waitgroup_t wg;

static void send_by(const struct shared *s, ints_t ch, int value)
{
	if (s->by_select) {
		weft_case_t cases[] = { WEFT_ON_SEND(ch, &value), WEFT_ON_TIME(WEFT_NEVER) };
		CHECK_EQ(weft_select(cases, 2), 0);
	} else {
		CHECK_EQ(WEFT_SEND(ch, value), 0);
	}
}

static int receive_by(const struct shared *s, ints_t ch, int *value)
{
	if (s->by_select) {
		weft_case_t cases[] = { WEFT_ON_TIME(WEFT_NEVER), WEFT_ON_RECV(ch, value) };
		CHECK_EQ(weft_select(cases, 2), 1);
		return cases[1].result;
	}
	return WEFT_RECV(ch, value);
}

/* ---- a send before its receive, a close before the end ---- */

static void writes_then_sends(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < s->rounds; i++) {
		s->data[i] = (long)i * 3 + 1;
		send_by(s, s->ch, (int)i);
	}
	s->data[s->rounds] = 99;
	WEFT_CLOSE(s->ch);
}

static void receives_then_reads(void *arg)
{
	struct shared *s = arg;
	unsigned n = 0;
	int i;

	while (receive_by(s, s->ch, &i) == 1) {
		CHECK_EQ(i, n);
		CHECK_EQ(s->data[i], (long)i * 3 + 1);
		n++;
	}
	CHECK_EQ(n, s->rounds);
	CHECK_EQ(s->data[n], 99);
}

/* ---- on capacity 0 a receive before the end of its send ---- */

static void writes_then_receives(void *arg)
{
	struct shared *s = arg;
	int i;

	for (unsigned n = 0; n < s->rounds; n++) {
		s->data[n] = (long)n * 5 + 2;
		CHECK_EQ(receive_by(s, s->ch, &i), 1);
	}
}

static void sends_then_reads(void *arg)
{
	struct shared *s = arg;

	for (unsigned n = 0; n < s->rounds; n++) {
		send_by(s, s->ch, (int)n);
		CHECK_EQ(s->data[n], (long)n * 5 + 2);
	}
}

/* ---- on capacity C the k-th receive before the end of the k+C-th send ---- */

static void sends_then_reads_later(void *arg)
{
	struct shared *s = arg;

	for (unsigned n = 0; n < s->rounds + CAPACITY; n++) {
		send_by(s, s->ch, (int)n);
		if (n >= CAPACITY)
			CHECK_EQ(s->data[n - CAPACITY], (long)(n - CAPACITY) * 5 + 2);
	}
}

static void two_sides(weft_fn_t *one, weft_fn_t *other, size_t capacity)
{
	for (unsigned kind = 0; kind < 8; kind++) {
		struct shared s = { .rounds = test_scaled(2000), .by_select = (kind & 1) != 0 };
		struct test_thread threads[2];
		s.ch = WEFT_CHAN_CREATE(int, capacity);
		s.data = calloc(s.rounds + 1, sizeof *s.data);
		CHECK(s.ch != NULL && s.data != NULL);
		if (kind & 2)
			thread_start(&threads[0], one, &s);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, one, &s), 0);
		if (kind & 4)
			thread_start(&threads[1], other, &s);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, other, &s), 0);
		if (kind & 2)
			thread_join(&threads[0]);
		if (kind & 4)
			thread_join(&threads[1]);
		JOIN();
		WEFT_CHAN_DESTROY(s.ch);
		free(s.data);
	}
}

/* ---- a channel of capacity 1 as a mutex: send locks, receive unlocks ---- */

static void counts(void *arg)
{
	struct shared *s = arg;
	int i;

	for (unsigned n = 0; n < s->rounds; n++) {
		send_by(s, s->ch, 0);
		s->data[0]++;
		CHECK_EQ(receive_by(s, s->ch, &i), 1);
	}
}

static void as_mutex(bool by_select)
{
	struct shared s = { .rounds = test_scaled(2000), .by_select = by_select };
	struct test_thread threads[CONTENDERS];
	long counter = 0;

	s.ch = WEFT_CHAN_CREATE(int, 1);
	s.data = &counter;
	CHECK(s.ch != NULL);
	for (unsigned i = 0; i < CONTENDERS; i++) {
		thread_start(&threads[i], counts, &s);
		CHECK_EQ(weft_waitgroup_go(&wg, counts, &s), 0);
	}
	for (unsigned i = 0; i < CONTENDERS; i++)
		thread_join(&threads[i]);
	JOIN();
	CHECK_EQ(counter, 2l * CONTENDERS * s.rounds);
	WEFT_CHAN_DESTROY(s.ch);
}

/* ---- a token that goes round: whoever has it may touch what it stands for ---- */

WEFT_TASK(passes_on, ints_t, in, ints_t, out, long *, data, unsigned, rounds)
{
	int token;

	for (unsigned n = 0; n < rounds; n++) {
		CHECK_EQ(WEFT_RECV(in, &token), 1);
		(*data)++;
		CHECK_EQ(WEFT_SEND(out, token), 0);
	}
	weft_waitgroup_done(&wg);
}

static void ring(void)
{
	ints_t places[CONTENDERS];
	unsigned rounds = test_scaled(1000);
	long data = 0;
	int token;

	for (unsigned i = 0; i < CONTENDERS; i++)
		CHECK((places[i] = WEFT_CHAN_CREATE(int, i % 2)) != NULL);
	/* The last place is this one's own. */
	for (unsigned i = 0; i + 1 < CONTENDERS; i++)
		START(passes_on, places[i], places[i + 1], &data, rounds);
	for (unsigned n = 0; n < rounds; n++) {
		data++;
		CHECK_EQ(WEFT_SEND(places[0], 7), 0);
		CHECK_EQ(WEFT_RECV(places[CONTENDERS - 1], &token), 1);
		CHECK_EQ(data, (long)CONTENDERS * (n + 1));
	}
	JOIN();
	for (unsigned i = 0; i < CONTENDERS; i++)
		WEFT_CHAN_DESTROY(places[i]);
}

static void on_capacities(void *arg)
{
	(void)arg;
	for (size_t capacity = 0; capacity < 3; capacity++)
		two_sides(writes_then_sends, receives_then_reads, capacity);
	two_sides(writes_then_receives, sends_then_reads, 0);
	/* The receiver leaves the last ones in the buffer. */
	two_sides(writes_then_receives, sends_then_reads_later, CAPACITY);
	ring();
}

int main(void)
{
	test_begin();
	on_capacities(NULL);
	CHECK_EQ(weft_run(on_capacities, NULL), 0);
	as_mutex(false);
	as_mutex(true);
	test_end();
	return 0;
}
