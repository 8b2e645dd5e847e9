/* weft-test: label=valgrind */
/*
 * Tickers: a tick each period, never early, in phase; a slow receiver finds one tick kept and the
 * others dropped.
 */
#include "test.h"

enum { TICKS = 20 };

static const int64_t period = WEFT_MS(1);

static void ticks(void *arg)
{
	weft_time_t before = weft_now(), started, asked, asked_last = 0;
	weft_ticker_t ticker;

	(void)arg;
	weft_ticker_start(&ticker, period);
	started = weft_now();
	for (int i = 1; i <= TICKS; i++) {
		int64_t came;
		asked = weft_now();
		CHECK_EQ(weft_ticker_wait(&ticker, WEFT_NEVER), 0);
		came = weft_now() - before;
		CHECK(came >= i * period);
		/* The wait before took the tick of its time, however late that was: this is a later one. */
		CHECK(i == 1 || came / period > (asked_last - started) / period);
		asked_last = asked;
	}
}

static void slow_receiver(void *arg)
{
	weft_time_t before = weft_now(), now;
	weft_ticker_t ticker;
	int64_t n;

	(void)arg;
	weft_ticker_start(&ticker, period);
	weft_sleep(10 * period);
	/* One was kept: no wait, not even with a deadline that has passed. */
	CHECK_EQ(weft_ticker_wait(&ticker, 0), 0);
	now = weft_now();
	/* The other nine were dropped: the next one is in the future, at a multiple of the period. */
	CHECK_EQ(weft_ticker_wait(&ticker, WEFT_NEVER), 0);
	n = (weft_now() - before) / period;
	CHECK(n >= 11 && weft_now() >= now);
}

static void deadlines(void *arg)
{
	weft_ticker_t ticker;
	weft_time_t deadline;

	(void)arg;
	weft_ticker_start(&ticker, WEFT_S(1000));
	CHECK_EQ(weft_ticker_wait(&ticker, 0), -ETIMEDOUT);
	deadline = weft_deadline_in(WEFT_US(500));
	CHECK_EQ(weft_ticker_wait(&ticker, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	/* A period that does not fit into what is left of time. */
	weft_ticker_start(&ticker, INT64_MAX);
	CHECK_EQ(weft_ticker_wait(&ticker, weft_now()), -ETIMEDOUT);
	/* Started again, it ticks anew. */
	weft_ticker_start(&ticker, 1);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_ticker_wait(&ticker, WEFT_NEVER), 0);
}

static weft_ticker_t misused;

static void period_zero(void)
{
	NOTE("%p", (void *)&misused);
	weft_ticker_start(&misused, 0);
}

static void period_negative(void)
{
	NOTE("%p", (void *)&misused);
	weft_ticker_start(&misused, -1);
}

static void not_started(void)
{
	NOTE("%p", (void *)&misused);
	weft_ticker_wait(&misused, 0);
}

int main(void)
{
	MUST_PANIC(period_zero, "weft_ticker_start");
	MUST_PANIC(period_negative, "weft_ticker_start");
	MUST_PANIC(not_started, "was not started");
	ticks(NULL);
	test_begin();
	slow_receiver(NULL);
	deadlines(NULL);
	CHECK_EQ(weft_run(ticks, NULL), 0);
	CHECK_EQ(weft_run(slow_receiver, NULL), 0);
	CHECK_EQ(weft_run(deadlines, NULL), 0);
	test_end();
	return 0;
}
