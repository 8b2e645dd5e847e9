/*
 * Who yields lets every other ready task run before it runs again: nobody starves, on one processor as
 * on several.
 */
#include "test.h"

enum { TASKS = 10 };

static weft_waitgroup_t wg;
static unsigned progress[TASKS];
static unsigned rounds;
static bool strict;

/*
 * On one processor, between two turns of this task every other one has had its turn. They start at
 * different times, hence one round of difference, and one more as a task may yield to a queue that the
 * others are about to join.
 */
static void yielder(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < rounds; i++) {
		at_store(&progress[me], i, RELAXED);
		if (strict)
			for (unsigned k = 0; k < TASKS; k++)
				CHECK(at_load(&progress[k], RELAXED) + 2 >= i);
		weft_yield();
	}
	at_store(&progress[me], rounds, RELAXED);
}

/* One that waits for the others by yielding: ends only if they run. */
static void waiter(void *arg)
{
	(void)arg;
	for (unsigned k = 0; k < TASKS; k++)
		while (at_load(&progress[k], RELAXED) < rounds)
			weft_yield();
}

static void start_all(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&wg, waiter, NULL), 0);
	for (uintptr_t i = 0; i < TASKS; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, yielder, (void *)i), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, waiter, NULL), 0);
}

static void run_with(const char *procs)
{
	test_env("WEFT_PROCS", procs);
	test_begin();
	/* Of no consequence on a plain thread. */
	weft_yield();
	rounds = test_scaled(2000);
	CHECK_EQ(weft_run(start_all, NULL), 0);
	weft_waitgroup_wait(&wg);
	for (unsigned i = 0; i < TASKS; i++)
		CHECK_EQ(progress[i], rounds);
	test_end();
}

static void on_one(void)
{
	/* The chaos build takes processors away in between. */
	strict = !CHAOS_BUILD;
	run_with("1");
}

static void on_three(void)
{
	run_with("3");
}

int main(void)
{
	CHILD_ENDS(test_run_child(on_one), 0);
	CHILD_ENDS(test_run_child(on_three), 0);
	return 0;
}
