/* weft-test: env=WEFT_PROCS=2 */
/* Two tasks that never give way run at the same time: each goes on only when it sees the other go on. */
#include "test.h"

static unsigned steps[2];
static weft_waitgroup_t wg;

static void burn(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned i = 1; i <= 100; i++) {
		at_store(&steps[me], i, RELEASE);
		while (at_load(&steps[1 - me], ACQUIRE) < i)
			;
	}
}

static void start_both(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&wg, burn, (void *)(uintptr_t)0), 0);
	/* The starter burns itself: the other one must be taken from it. */
	burn((void *)(uintptr_t)1);
}

int main(void)
{
	test_env("WEFT_PROCS", "2");
	test_begin();
	CHECK_EQ(weft_procs(), 2);
	for (int i = 0; i < 5; i++) {
		steps[0] = steps[1] = 0;
		CHECK_EQ(weft_run(start_both, NULL), 0);
		weft_waitgroup_wait(&wg);

		steps[0] = steps[1] = 0;
		CHECK_EQ(weft_waitgroup_go(&wg, burn, (void *)(uintptr_t)0), 0);
		CHECK_EQ(weft_waitgroup_go(&wg, burn, (void *)(uintptr_t)1), 0);
		weft_waitgroup_wait(&wg);
	}
	test_end();
	return 0;
}
