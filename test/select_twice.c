/*
 * A select that names one channel in two cases: the partner of one case may destroy the channel as soon as
 * its own call has returned, while the select still has the other case to take back.
 */
#include "test.h"

typedef WEFT_CHAN(int) chan_t;

static weft_waitgroup_t running;

WEFT_TASK(send_a_bit, chan_t, ch)
{
	int zero = 0, one = 1;
	weft_case_t cases[] = { WEFT_ON_SEND(ch, &zero), WEFT_ON_SEND(ch, &one) };
	int chosen = weft_select(cases, 2);

	CHECK(chosen == 0 || chosen == 1);
}

WEFT_TASK(receive_either, chan_t, ch)
{
	int a, b;
	weft_case_t cases[] = { WEFT_ON_RECV(ch, &a), WEFT_ON_RECV(ch, &b) };
	int chosen = weft_select(cases, 2);

	CHECK_EQ(chosen == 0 ? a : b, 7);
}

/* A deadline that passes at about the moment of the message: who was late comes back to the channel, too. */
WEFT_TASK(receive_in_time, chan_t, ch, unsigned *, got)
{
	int v = 0, r = WEFT_RECV_UNTIL(ch, &v, weft_deadline_in(WEFT_US(20)));

	CHECK(r == -ETIMEDOUT || (r == 1 && v == 7));
	if (r == 1)
		at_add(got, 1, RELAXED);
}

static void *receive_on_thread(void *arg)
{
	chan_t ch;

	while (WEFT_RECV((WEFT_CHAN(chan_t))arg, &ch) > 0)
		receive_either(ch);
	return NULL;
}

/* The same with a plain thread for the select. */
static void on_thread(void)
{
	WEFT_CHAN(chan_t) jobs = WEFT_CHAN_CREATE(chan_t, 4);
	pthread_t thread;

	CHECK(jobs != NULL);
	CHECK_EQ(pthread_create(&thread, NULL, receive_on_thread, (void *)jobs), 0);
	for (unsigned i = 0; i < test_scaled(3000); i++) {
		chan_t ch = WEFT_CHAN_CREATE(int, 0);

		CHECK(ch != NULL);
		CHECK_EQ(WEFT_SEND(jobs, ch), 0);
		for (volatile unsigned k = 0; k < i % 300; k++)
			;
		CHECK_EQ(WEFT_SEND(ch, 7), 0);
		WEFT_CHAN_DESTROY(ch);
	}
	WEFT_CLOSE(jobs);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	WEFT_CHAN_DESTROY(jobs);
}

static void rounds(void *arg)
{
	unsigned sent = 0, got = 0;

	(void)arg;
	for (unsigned i = 0; i < test_scaled(6000); i++) {
		chan_t ch = WEFT_CHAN_CREATE(int, 0);
		int v = -1;

		CHECK(ch != NULL);
		if (i % 3 == 0) {
			CHECK_EQ(WEFT_WAITGROUP_GO(&running, send_a_bit, ch), 0);
			if (i % 2 != 0)
				weft_yield();
			CHECK_EQ(WEFT_RECV(ch, &v), 1);
			CHECK(v == 0 || v == 1);
		} else if (i % 3 == 1) {
			CHECK_EQ(WEFT_WAITGROUP_GO(&running, receive_either, ch), 0);
			if (i % 2 != 0)
				weft_yield();
			CHECK_EQ(WEFT_SEND(ch, 7), 0);
		} else {
			CHECK_EQ(WEFT_WAITGROUP_GO(&running, receive_in_time, ch, &got), 0);
			sent += WEFT_SEND_UNTIL(ch, 7, weft_deadline_in(WEFT_US(20))) == 0;
			weft_waitgroup_wait(&running);
		}
		WEFT_CHAN_DESTROY(ch);
	}
	weft_waitgroup_wait(&running);
	CHECK_EQ(got, sent);
}

int main(void)
{
	test_begin();
	rounds(NULL);
	on_thread();
	CHECK_EQ(weft_run(rounds, NULL), 0);
	test_end();
	return 0;
}
