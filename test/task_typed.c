/* weft-test: label=valgrind */
/*
 * WEFT_TASK, WEFT_GO and WEFT_WAITGROUP_GO: from no parameters to six, copied at the call, also when they are
 * more than fit in a header.
 */
#include "test.h"

struct big {
	uint64_t word[32];
};
struct aligned {
	_Alignas(16) uint64_t word[2];
};
typedef int number_fn_t(int);

static weft_waitgroup_t wg;
static unsigned ran;

static void one_done(void)
{
	at_add(&ran, 1, RELAXED);
	weft_waitgroup_done(&wg);
}

static int twice(int n)
{
	return 2 * n;
}

WEFT_TASK(none)
{
	CHECK(weft_task_id() > 0);
	one_done();
}

WEFT_TASK(one, const char *, text)
{
	CHECK(strcmp(text, "one") == 0);
	one_done();
}

WEFT_TASK(two, int, a, double, b)
{
	CHECK_EQ(a, -1);
	CHECK(b == 2.5);
	one_done();
}

WEFT_TASK(three, char, a, uint64_t, b, number_fn_t *, c)
{
	CHECK_EQ(a, 'a');
	CHECK(b == UINT64_MAX);
	CHECK_EQ(c(21), 42);
	one_done();
}

WEFT_TASK(four, struct aligned, a, short, b, float, c, bool, d)
{
	CHECK_EQ((uintptr_t)&a % 16, 0);
	CHECK(a.word[0] == 1 && a.word[1] == 2 && b == 3 && c == 4.0f && d);
	one_done();
}

WEFT_TASK(five, int, a, int, b, int, c, int, d, int, e)
{
	CHECK(a == 1 && b == 2 && c == 3 && d == 4 && e == 5);
	one_done();
}

WEFT_TASK(six, uint64_t, a, uint64_t, b, uint64_t, c, uint64_t, d, uint64_t, e, uint64_t, f)
{
	CHECK(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6);
	one_done();
}

WEFT_TASK(large, struct big, a, int, b, struct big, c)
{
	for (unsigned i = 0; i < 32; i++)
		CHECK(a.word[i] == i && c.word[i] == 1000 + i);
	CHECK_EQ(b, 17);
	one_done();
	/* The arguments are the task's own until it ends. */
	weft_yield();
	CHECK(a.word[31] == 31 && c.word[31] == 1031);
}

/* Starts tasks itself; the number of tasks is 2^(depth + 1) - 1. */
WEFT_TASK(tree, unsigned, depth, uint64_t, path)
{
	if (depth > 0) {
		weft_waitgroup_add(&wg, 2);
		CHECK_EQ(WEFT_GO(tree, depth - 1, path * 2), 0);
		CHECK_EQ(WEFT_GO(tree, depth - 1, path * 2 + 1), 0);
	}
	one_done();
}

WEFT_TASK(add_nothing)
{
	at_add(&ran, 1, RELAXED);
}

WEFT_TASK(add_six, unsigned *, to, unsigned, a, unsigned, b, unsigned, c, unsigned, d, unsigned, e)
{
	at_add(to, a + b + c + d + e, RELAXED);
}

WEFT_TASK(add_large, unsigned *, to, struct big, big)
{
	at_add(to, (unsigned)big.word[31], RELAXED);
}

/* The group counts them: nobody says done. */
static void in_group(void)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	struct big big = { .word = { [31] = 100 } };
	unsigned sum = 0;

	ran = 0;
	CHECK_EQ(WEFT_WAITGROUP_GO(&group, add_nothing), 0);
	CHECK_EQ(WEFT_WAITGROUP_GO(&group, add_six, &sum, 1, 2, 3, 4, 5), 0);
	CHECK_EQ(WEFT_WAITGROUP_GO(&group, add_large, &sum, big), 0);
	CHECK_EQ(weft_waitgroup_wait(&group), 0);
	CHECK_EQ(ran, 1);
	CHECK_EQ(sum, 115);
}

int main(void)
{
	struct aligned aligned = { { 1, 2 } };
	struct big first, last;
	unsigned rounds = test_scaled(200);

	test_begin();
	for (unsigned i = 0; i < rounds; i++) {
		weft_waitgroup_add(&wg, 8);
		for (unsigned k = 0; k < 32; k++) {
			first.word[k] = k;
			last.word[k] = 1000 + k;
		}
		CHECK_EQ(WEFT_GO(none), 0);
		CHECK_EQ(WEFT_GO(one, "one"), 0);
		CHECK_EQ(WEFT_GO(two, -1, 2.5), 0);
		CHECK_EQ(WEFT_GO(three, 'a', UINT64_MAX, twice), 0);
		CHECK_EQ(WEFT_GO(four, aligned, 3, 4.0f, true), 0);
		CHECK_EQ(WEFT_GO(five, 1, 2, 3, 4, 5), 0);
		CHECK_EQ(WEFT_GO(six, 1, 2, 3, 4, 5, 6), 0);
		CHECK_EQ(WEFT_GO(large, first, 17, last), 0);
		/* They have copies. */
		memset(&first, 0xff, sizeof first);
		memset(&last, 0xff, sizeof last);
		weft_waitgroup_wait(&wg);
	}
	CHECK_EQ(ran, 8 * rounds);
	ran = 0;
	weft_waitgroup_add(&wg, 1);
	CHECK_EQ(WEFT_GO(tree, 9, 1), 0);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(ran, 1023);
	for (unsigned i = 0; i < rounds; i++)
		in_group();
	test_end();
	return 0;
}
