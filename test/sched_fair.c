/*
 * Two tasks that make each other ready for ever, on one processor, do not starve those in the queue: a
 * task that was ready before, one that a timer makes ready, one that a descriptor makes ready, and one
 * that comes from outside.
 */
#include "test.h"

static weft_waitgroup_t wg, ball[2];
static unsigned hits, stop;
static bool over; /* written by player 0 while it has the ball */
static int fds[2];

/* A hit makes the partner ready in the next slot, ahead of the queue, and then parks. */
static void player(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (;;) {
		weft_waitgroup_wait(&ball[me]);
		weft_waitgroup_add(&ball[me], 1);
		at_add(&hits, 1, RELAXED);
		if (me == 0)
			over = at_load(&stop, RELAXED) == 15;
		bool last = over;
		weft_waitgroup_done(&ball[1 - me]);
		if (last)
			return;
	}
}

static void in_the_queue(void *arg)
{
	/* Long before this many hits there must have been a turn. */
	CHECK(at_load(&hits, RELAXED) < 100000);
	at_or(&stop, *(unsigned *)arg, RELAXED);
}

static void after_sleep(void *arg)
{
	weft_sleep(WEFT_US(500));
	at_or(&stop, *(unsigned *)arg, RELAXED);
}

static void after_descriptor(void *arg)
{
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	at_or(&stop, *(unsigned *)arg, RELAXED);
}

static void mark(void *arg)
{
	at_or(&stop, *(unsigned *)arg, RELAXED);
}

static unsigned bits[] = { 1, 2, 4, 8 };

static void start_all(void *arg)
{
	(void)arg;
	weft_waitgroup_add(&ball[1], 1);
	CHECK_EQ(weft_waitgroup_go(&wg, after_sleep, &bits[1]), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, after_descriptor, &bits[2]), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, in_the_queue, &bits[0]), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, player, (void *)(uintptr_t)0), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, player, (void *)(uintptr_t)1), 0);
}

int main(void)
{
	test_env("WEFT_PROCS", "1");
	CHECK(pipe(fds) == 0);
	test_begin();
	CHECK_EQ(weft_run(start_all, NULL), 0);
	/* The game goes on until all four have run; here from a plain thread. */
	while (at_load(&hits, RELAXED) < 1000)
		test_pause_ms(1);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK_EQ(weft_waitgroup_go(&wg, mark, &bits[3]), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(stop, 15);
	test_end();
	return 0;
}
