/* weft-test: timeout=120 */
/*
 * The daisy chain: each of many tasks takes a number from its right, adds one and hands it to its left. Then
 * a second number while the first is under way, the same with buffers, and the close that runs down the
 * chain.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(long) longs_t;

static weft_waitgroup_t wg;

WEFT_TASK(stage, longs_t, left, longs_t, right)
{
	WEFT_RANGE(n, right)
	CHECK_EQ(WEFT_SEND(left, n + 1), 0);
	WEFT_CLOSE(left);
	WEFT_CHAN_DESTROY(right);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(feed, longs_t, first, long, count)
{
	for (long i = 0; i < count; i++)
		CHECK_EQ(WEFT_SEND(first, i), 0);
	WEFT_CLOSE(first);
	weft_waitgroup_done(&wg);
}

static void chain(long stages, long numbers, size_t capacity)
{
	longs_t leftmost = WEFT_CHAN_CREATE(long, capacity), left = leftmost, right;
	long n;

	CHECK(leftmost != NULL);
	for (long i = 0; i < stages; i++) {
		right = WEFT_CHAN_CREATE(long, capacity);
		CHECK(right != NULL);
		START(stage, left, right);
		left = right;
	}
	START(feed, left, numbers);
	for (long i = 0; i < numbers; i++) {
		CHECK_EQ(WEFT_RECV(leftmost, &n), 1);
		CHECK_EQ(n, stages + i);
	}
	CHECK_EQ(WEFT_RECV(leftmost, &n), 0);
	JOIN();
	WEFT_CHAN_DESTROY(leftmost);
}

static void all(void *arg)
{
	(void)arg;
	chain(test_scaled(10000), 1, 0);
	chain(test_scaled(1000), 30, 0);
	chain(test_scaled(1000), 30, 2);
}

int main(void)
{
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
