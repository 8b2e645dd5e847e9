/*
 * What a task keeps in registers lives on across the calls that give way, also where the compiler sees the
 * whole program: numbers on the x87 stack. Each call stands once in the program, for a compiler likes to put
 * such a function in place. (As arch_wide.)
 */
#include "test.h"

enum { TASKS = 9 };

static weft_waitgroup_t wg;
static WEFT_CHAN(int) ch;

static void yield_with_long_double(void *arg)
{
	long double x = (long double)*(int *)arg, y = 1.0L + x, sum = 0, sure = 0;
	unsigned rounds = test_scaled(20000);

	for (unsigned i = 0; i < rounds; i++) {
		sum += x / y;
		weft_yield();
		x += 1.0L;
		y += 1.0L;
	}
	for (unsigned i = 0; i < rounds; i++)
		sure += ((long double)*(int *)arg + i) / (1.0L + (long double)*(int *)arg + i);
	CHECK(sum == sure);
}

static void send_with_long_double(void *arg)
{
	long double x = (long double)*(int *)arg;
	unsigned rounds = test_scaled(20000);

	for (unsigned i = 0; i < rounds; i++) {
		WEFT_SEND(ch, (int)i);
		x += 1.0L;
	}
	CHECK(x == (long double)*(int *)arg + rounds);
}

static void select_with_long_double(void *arg)
{
	long double x = (long double)*(int *)arg;
	unsigned rounds = test_scaled(20000);
	int v;

	for (unsigned i = 0; i < rounds; i++) {
		weft_case_t cases[1] = { WEFT_ON_RECV(ch, &v) };
		CHECK_EQ(weft_select(cases, 1), 0);
		x += 1.0L;
	}
	CHECK(x == (long double)*(int *)arg + rounds);
}

static void all(weft_fn_t *fn, weft_fn_t *other)
{
	static int numbers[TASKS];

	for (int i = 0; i < TASKS; i++) {
		numbers[i] = i + 1;
		CHECK_EQ(weft_waitgroup_go(&wg, fn, &numbers[i]), 0);
		if (other != NULL)
			CHECK_EQ(weft_waitgroup_go(&wg, other, &numbers[i]), 0);
	}
	weft_waitgroup_wait(&wg);
}

int main(void)
{
	test_begin();
	ch = WEFT_CHAN_CREATE(int, 0);
	CHECK(ch != NULL);
	all(yield_with_long_double, NULL);
	all(send_with_long_double, select_with_long_double);
	WEFT_CHAN_DESTROY(ch);
	test_end();
	return 0;
}
