/* weft-test: env=WEFT_PROCS=4 */
/*
 * Timers that arm themselves again from their own function while another task stops them: a stop that waits
 * for the lock of one processor's wheel may find the timer fired and armed on another. Whoever fires or
 * stops a timer owns it until he has armed it again; a timer owned twice panics.
 */
#include "test.h"

#include "base/choose.h"

enum { TIMERS = 64, STOPS = 100000 };

static weft_timer_t timers[TIMERS];
static unsigned last_round, fired, stopped, retired;

static void arm(uintptr_t i);

static void on_timer(void *arg)
{
	at_add(&fired, 1, RELAXED);
	if (at_load(&last_round, ACQUIRE))
		at_add(&retired, 1, RELAXED);
	else
		arm((uintptr_t)arg);
}

static void arm(uintptr_t i)
{
	CHECK_EQ(weft_timer_after(&timers[i], WEFT_US(2 + (int64_t)i % 30), on_timer, (void *)i), 0);
}

static void stopper(void *arg)
{
	uint32_t random = 12345;

	(void)arg;
	for (unsigned n = 0; n < test_scaled(STOPS); n++) {
		uintptr_t i = choose_random(&random) % TIMERS;
		if (weft_timer_stop(&timers[i]) == 1) {
			stopped++;
			arm(i);
		}
		if (n % 64 == 0)
			weft_yield();
	}
	at_store(&last_round, 1, RELEASE);
}

int main(void)
{
	test_begin();
	for (uintptr_t i = 0; i < TIMERS; i++)
		arm(i);
	CHECK_EQ(weft_run(stopper, NULL), 0);
	WAIT_FOR(at_load(&retired, RELAXED) == TIMERS);
	CHECK(at_load(&fired, RELAXED) >= TIMERS);
	for (int i = 0; i < TIMERS; i++)
		CHECK_EQ(weft_timer_stop(&timers[i]), 0);
	test_end();
	return 0;
}
