/* weft-test: label=valgrind */
/*
 * Timers: they fire once and never early; one that was stopped in time never fires; their memory may go
 * at once.
 */
#include "test.h"

static weft_waitgroup_t wg;
static unsigned fired;

struct timed {
	weft_timer_t timer;
	weft_time_t when;
};

static void note(void *arg)
{
	struct timed *t = arg;

	CHECK(weft_task_id() > 0);
	CHECK(weft_now() >= t->when);
	at_add(&fired, 1, RELAXED);
	weft_waitgroup_done(&wg);
}

static void note_and_free(void *arg)
{
	note(arg);
	free(arg);
}

static void must_not_fire(void *arg)
{
	(void)arg;
	CHECK(!"fired, but was stopped");
}

static struct timed *timed_new(void)
{
	struct timed *t = calloc(1, sizeof *t);

	CHECK(t != NULL);
	return t;
}

static void fires(void)
{
	static const int64_t delays[] = { -5, 0, 1, 1000, 1024, 100000, 3000000 };
	weft_timer_t never_armed = WEFT_TIMER_INIT;
	struct timed t = { .timer = WEFT_TIMER_INIT };

	CHECK_EQ(weft_timer_stop(&never_armed), 0);
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		weft_waitgroup_add(&wg, 1);
		t.when = weft_now() + delays[i];
		CHECK_EQ(weft_timer_at(&t.timer, t.when, note, &t), 0);
		weft_waitgroup_wait(&wg);
		CHECK_EQ(weft_timer_stop(&t.timer), 0);

		weft_waitgroup_add(&wg, 1);
		t.when = weft_now() + delays[i];
		CHECK_EQ(weft_timer_after(&t.timer, delays[i], note, &t), 0);
		weft_waitgroup_wait(&wg);
		CHECK_EQ(weft_timer_stop(&t.timer), 0);
	}
	CHECK_EQ(fired, 2 * ARRAY_LEN(delays));
	/* Long past. */
	weft_waitgroup_add(&wg, 1);
	t.when = 0;
	CHECK_EQ(weft_timer_at(&t.timer, INT64_MIN, note, &t), 0);
	weft_waitgroup_wait(&wg);
	/* After the fire, before anything else: free. */
	for (unsigned i = 0; i < test_scaled(2000); i++) {
		struct timed *h = timed_new();
		weft_waitgroup_add(&wg, 1);
		CHECK_EQ(weft_timer_after(&h->timer, i % 3 * 500, note_and_free, h), 0);
		if (i % 50 == 0)
			weft_waitgroup_wait(&wg);
	}
	weft_waitgroup_wait(&wg);
}

static void stops(void)
{
	static const int64_t delays[] = { WEFT_S(10), WEFT_S(1000), WEFT_S(3600) * 24 * 365 };
	weft_time_t far[] = { WEFT_NEVER, WEFT_NEVER - 1, WEFT_NEVER - 1024, WEFT_NEVER / 2 };

	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		struct timed *t = timed_new();
		CHECK_EQ(weft_timer_after(&t->timer, delays[i], must_not_fire, NULL), 0);
		CHECK_EQ(weft_timer_stop(&t->timer), 1);
		CHECK_EQ(weft_timer_stop(&t->timer), 0);
		free(t);
	}
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		struct timed *t = timed_new();
		CHECK_EQ(weft_timer_at(&t->timer, far[i], must_not_fire, NULL), 0);
		CHECK_EQ(weft_timer_stop(&t->timer), 1);
		free(t);
	}
	/* Stopped at about the time at which they fire: exactly one of the two happens. */
	unsigned stopped = 0, rounds = test_scaled(3000);
	fired = 0;
	for (unsigned i = 0; i < rounds; i++) {
		struct timed *t = timed_new();
		int64_t delay = i % 20 * 1000;
		weft_waitgroup_add(&wg, 1);
		t->when = weft_now() + delay;
		CHECK_EQ(weft_timer_at(&t->timer, t->when, note, t), 0);
		while (weft_now() < t->when)
			;
		if (weft_timer_stop(&t->timer) == 1) {
			stopped++;
			weft_waitgroup_done(&wg);
		}
		weft_waitgroup_wait(&wg);
		free(t);
	}
	CHECK_EQ(fired + stopped, rounds);
}

static void resets(void)
{
	struct timed t = { .timer = WEFT_TIMER_INIT };

	/* Earlier, later, and after it has fired. */
	fired = 0;
	weft_waitgroup_add(&wg, 1);
	t.when = 0;
	CHECK_EQ(weft_timer_after(&t.timer, WEFT_S(1000), note, &t), 0);
	CHECK_EQ(weft_timer_reset(&t.timer, weft_deadline_in(WEFT_S(2000))), 1);
	t.when = weft_deadline_in(WEFT_MS(2));
	CHECK_EQ(weft_timer_reset(&t.timer, t.when), 1);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, 1);
	weft_waitgroup_add(&wg, 1);
	t.when = weft_deadline_in(WEFT_US(300));
	CHECK_EQ(weft_timer_reset(&t.timer, t.when), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, 2);
	CHECK_EQ(weft_timer_reset(&t.timer, weft_deadline_in(WEFT_S(1000))), 0);
	CHECK_EQ(weft_timer_stop(&t.timer), 1);
	/* A stopped one, too. */
	weft_waitgroup_add(&wg, 1);
	t.when = weft_now();
	CHECK_EQ(weft_timer_reset(&t.timer, t.when), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, 3);
	/* To never and back. */
	CHECK_EQ(weft_timer_reset(&t.timer, WEFT_NEVER), 0);
	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(weft_timer_reset(&t.timer, weft_now()), 1);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(fired, 4);
}

/* A timer that arms itself again from its function. */
struct chain {
	weft_timer_t timer;
	unsigned left;
};

static void link_of_chain(void *arg)
{
	struct chain *c = arg;

	if (--c->left == 0)
		weft_waitgroup_done(&wg);
	else
		CHECK_EQ(weft_timer_after(&c->timer, WEFT_US(10), link_of_chain, c), 0);
}

static void chains(void)
{
	struct chain *c = calloc(10, sizeof *c);

	CHECK(c != NULL);
	for (int i = 0; i < 10; i++) {
		c[i].left = 50;
		weft_waitgroup_add(&wg, 1);
		CHECK_EQ(weft_timer_after(&c[i].timer, 0, link_of_chain, &c[i]), 0);
	}
	weft_waitgroup_wait(&wg);
	free(c);
}

static void all(void *arg)
{
	(void)arg;
	fired = 0;
	fires();
	stops();
	resets();
	chains();
}

static weft_timer_t misused;

static void armed_twice(void)
{
	NOTE("%p", (void *)&misused);
	CHECK_EQ(weft_timer_after(&misused, WEFT_S(1000), must_not_fire, NULL), 0);
	weft_timer_after(&misused, WEFT_S(1000), must_not_fire, NULL);
}

static void armed_twice_for_never(void)
{
	NOTE("%p", (void *)&misused);
	CHECK_EQ(weft_timer_at(&misused, WEFT_NEVER, must_not_fire, NULL), 0);
	weft_timer_at(&misused, 0, must_not_fire, NULL);
}

static void never_armed(void)
{
	NOTE("%p", (void *)&misused);
	weft_timer_reset(&misused, 0);
}

int main(void)
{
	MUST_PANIC(armed_twice, "is armed already");
	MUST_PANIC(armed_twice_for_never, "is armed already");
	MUST_PANIC(never_armed, "was never armed");
	test_begin();
	all(NULL);
	CHECK_EQ(weft_run(all, NULL), 0);
	test_end();
	return 0;
}
