/* weft-test: label=valgrind */
/* A pinned task stays on its thread through all that moves a task, and nothing else runs there. */
#include "test.h"

#include "os/os.h"

enum { PINNED = 3, FREE = 6 };

static weft_waitgroup_t wg;
static _Thread_local int mark; /* read through a call that no compiler moves across a park */
static unsigned rounds;
static unsigned ran_free;

NOINLINE static int *mark_address(void)
{
	int *address = &mark;

	__asm__ volatile("" : "+r"(address)); /* the compiler may not know that it is always the same */
	return address;
}

static void stay(int32_t tid, int number)
{
	CHECK_EQ(weft__os_thread_id(), tid);
	CHECK_EQ(*mark_address(), number);
}

static void pinned(void *arg)
{
	int number = (int)(intptr_t)arg;
	int fds[2];
	int32_t tid;

	CHECK(pipe(fds) == 0);
	weft_pin();
	weft_pin();
	tid = weft__os_thread_id();
	*mark_address() = number;
	for (unsigned i = 0; i < rounds; i++) {
		weft_yield();
		stay(tid, number);
		weft_sleep(WEFT_US(20));
		stay(tid, number);
		CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, weft_deadline_in(WEFT_US(10))), -ETIMEDOUT);
		stay(tid, number);
		if (i == rounds / 2)
			weft_unpin(); /* still pinned once */
	}
	*mark_address() = 0;
	weft_unpin();
	close(fds[0]);
	close(fds[1]);
	weft_yield();
}

/* Runs wherever there is room, which is never where a task is pinned. */
static void unpinned(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < rounds * 4; i++) {
		CHECK_EQ(*mark_address(), 0);
		at_add(&ran_free, 1, RELAXED);
		if (i % 8 == 0)
			weft_sleep(WEFT_US(10));
		else
			weft_yield();
	}
}

static void ends_pinned(void *arg)
{
	(void)arg;
	weft_pin();
	weft_yield();
	weft_pin();
}

static void unpin_alone(void *arg)
{
	(void)arg;
	weft_unpin();
}

static void unpin_without_pin(void)
{
	CHECK_EQ(weft_run(unpin_alone, NULL), 0);
}

static void pin_twice_unpin_thrice(void *arg)
{
	(void)arg;
	weft_pin();
	weft_pin();
	weft_unpin();
	weft_yield();
	weft_unpin();
	NOTE("in task %llu", (unsigned long long)weft_task_id());
	weft_unpin();
}

static void one_unpin_too_many(void)
{
	CHECK_EQ(weft_run(pin_twice_unpin_thrice, NULL), 0);
}

int main(void)
{
	MUST_PANIC(unpin_without_pin, "weft_unpin without weft_pin");
	MUST_PANIC(one_unpin_too_many, "weft_unpin without weft_pin");

	/* Of no effect on a plain thread. */
	weft_pin();
	weft_unpin();
	weft_unpin();

	test_begin();
	rounds = test_scaled(100);
	for (int i = 0; i < PINNED; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, pinned, (void *)(intptr_t)(i + 1)), 0);
	for (int i = 0; i < FREE; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, unpinned, NULL), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(ran_free, FREE * rounds * 4);

	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, ends_pinned, NULL), 0);
	weft_waitgroup_wait(&wg);
	/* Their threads serve others again: without them these could not run. */
	rounds = 2;
	for (int i = 0; i < 20; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, unpinned, NULL), 0);
	weft_waitgroup_wait(&wg);
	test_end();
	return 0;
}
