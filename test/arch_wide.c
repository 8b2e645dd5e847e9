/*
 * As arch_live, for registers that only newer processors have: the program may be compiled for one, and the
 * library for all.
 */
#include "test.h"

#if defined(__x86_64__)
enum { TASKS = 9 };

static weft_waitgroup_t wg;

__attribute__((target("avx512f,avx512vl"))) static void yield_with_double(void *arg)
{
	double x = *(int *)arg, y = 1.0 + x, sum = 0, sure = 0;
	unsigned rounds = test_scaled(20000);

	for (unsigned i = 0; i < rounds; i++) {
		sum += x / y;
		weft_yield();
		x += 1.0;
		y += 1.0;
	}
	for (unsigned i = 0; i < rounds; i++)
		sure += ((double)*(int *)arg + i) / (1.0 + (double)*(int *)arg + i);
	CHECK(sum == sure);
}
#endif

int main(void)
{
#if defined(__x86_64__)
	static int numbers[TASKS];

	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl"))
		SKIP("this processor has no AVX-512");
	test_begin();
	for (int i = 0; i < TASKS; i++) {
		numbers[i] = i + 1;
		CHECK_EQ(weft_waitgroup_go(&wg, yield_with_double, &numbers[i]), 0);
	}
	weft_waitgroup_wait(&wg);
	test_end();
	return 0;
#else
	SKIP("only x86_64");
#endif
}
