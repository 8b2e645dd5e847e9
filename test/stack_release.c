/*
 * Memory of stacks that nobody uses any more goes back to the system; what is used again works as
 * before.
 */
#include "test.h"

enum { TOUCH = 40 << 10 };

static weft_waitgroup_t gate, done, arrived;

static void touch_and_block(void *arg)
{
	volatile char memory[TOUCH];

	(void)arg;
	for (size_t i = 0; i < TOUCH; i += 512)
		memory[i] = (char)i;
	weft_waitgroup_done(&arrived);
	weft_waitgroup_wait(&gate);
	for (size_t i = 0; i < TOUCH; i += 512)
		CHECK(memory[i] == (char)i);
}

static unsigned long resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size = 0, pages = 0;

	CHECK(f != NULL && fscanf(f, "%lu %lu", &size, &pages) == 2);
	fclose(f);
	return pages * ((unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned long wave(unsigned n)
{
	unsigned long most;

	weft_waitgroup_add(&gate, 1);
	weft_waitgroup_add(&arrived, (int)n);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&done, touch_and_block, NULL), 0);
	weft_waitgroup_wait(&arrived);
	most = resident_kib();
	weft_waitgroup_done(&gate);
	weft_waitgroup_wait(&done);
	return most;
}

int main(void)
{
	unsigned n = test_scaled(20000);
	unsigned long before, most, stacks = n * (TOUCH / 1024);

	if (test_is_watched())
		SKIP("what a sanitizer, valgrind or an emulator holds hides what weft holds");
	test_begin();
	before = resident_kib();
	most = wave(n);
	CHECK(most - before > stacks / 10 * 9);
	/* The rest may take longer. */
	WAIT_FOR(resident_kib() < most - stacks / 4 * 3);
	CHECK(wave(n) - before > stacks / 10 * 9);
	test_end();
	return 0;
}
