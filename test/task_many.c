/* Two hundred thousand tasks alive at once, all blocked: they end, and all that they used is free again. */
#include "test.h"

static weft_waitgroup_t gate, done, arrived;
static unsigned ended;

static void block(void *arg)
{
	uint64_t id = weft_task_id();

	(void)arg;
	weft_waitgroup_done(&arrived);
	weft_waitgroup_wait(&gate);
	CHECK(weft_task_id() == id);
	at_add(&ended, 1, RELAXED);
}

static void wave(unsigned n)
{
	uint64_t started = test_stats().tasks_started;
	weft_stats_t s;

	ended = 0;
	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&arrived, (int)n);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&done, block, NULL), 0);
	weft_waitgroup_wait(&arrived);
	s = test_stats();
	CHECK_EQ(s.tasks_alive, n);
	CHECK_EQ(s.tasks_started - started, n);
	CHECK(s.stacks - s.stacks_free >= n);
	CHECK_EQ(at_load(&ended, RELAXED), 0);
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	CHECK_EQ(ended, n);
	WAIT_FOR(test_stats().tasks_alive == 0);
	WAIT_FOR(test_stats().stacks_free == test_stats().stacks);
}

int main(void)
{
	unsigned n = test_scaled(200000);
	uint64_t stacks;

#if defined(WEFT__TSAN) && !defined(__clang__)
	n = 4000; /* gcc's ThreadSanitizer ends at about twice that */
#endif
	test_begin();
	wave(n);
	stacks = test_stats().stacks;
	/* The second wave uses what the first one has left. */
	wave(n);
	CHECK(test_stats().stacks - stacks <= stacks / 10 + 256);
	test_end();
	return 0;
}
