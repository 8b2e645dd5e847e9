/*
 * select_block, peer weft: one task selects among 2, 8 or 64 receives of which none is ready, and waits. Then
 * another sends to one of the channels, one after the other; they are unbuffered. It waits for its turn until
 * the first task has received: so the first task waits in its next select when the next send comes. On one
 * processor the sender checks that, by a try. The value is per select, and holds the message that gives the
 * turn. (The channel for that is buffered, since else a pair that is once out of step stays so.)
 */
#include "bench_weft.h"

#define CASES_MAX 64

enum { PROCS, CASES, N };
static struct bench_option options[] = { { "procs", 0 }, { "cases", 2 }, { "n", -1 } };
static bench_chan_t c[CASES_MAX];

WEFT_TASK(send_all, long, count, bench_chan_t, turn, bench_chan_t, missed, long, n)
{
	long misses = 0, v;

	for (long i = 0; i < n; i++) {
		if (WEFT_TRY_SEND(c[i & (count - 1)], i) != 0) {
			misses++;
			WEFT_SEND(c[i & (count - 1)], i);
		}
		WEFT_RECV(turn, &v);
	}
	WEFT_SEND(missed, misses);
}

static void start(void *arg)
{
	long count = options[CASES].value, n = options[N].value, v = -1, misses = 0;
	bench_chan_t turn = bench_chan(1), missed = bench_chan(0);
	weft_case_t cases[CASES_MAX];
	int64_t begin, wall_ns;

	(void)arg;
	BENCH_CHECK(count == 2 || count == 8 || count == 64, "cases is 2, 8 or 64");
	if (n < 0)
		n = count == 2 ? 4000000 : count == 8 ? 2000000 : 250000;
	for (long i = 0; i < count; i++) {
		c[i] = bench_chan(0);
		cases[i] = WEFT_ON_RECV(c[i], &v);
	}

	begin = bench_now_ns();
	BENCH_OK(WEFT_GO(send_all, count, turn, missed, n));
	for (long i = 0; i < n; i++) {
		int chosen = weft_select(cases, (size_t)count);
		BENCH_CHECK(chosen == (i & (count - 1)) && v == i && cases[chosen].result == 1,
			"case %d with %ld in round %ld", chosen, v, i);
		WEFT_SEND(turn, 1);
	}
	WEFT_RECV(missed, &misses);
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(
		options[PROCS].value > 1 || misses * 100 <= n, "%ld of %ld selects did not wait", misses, n);
	bench_emit("select_block", (double)wall_ns / (double)n, "ns");
	for (long i = 0; i < count; i++)
		WEFT_CHAN_DESTROY(c[i]);
	WEFT_CHAN_DESTROY(turn);
	WEFT_CHAN_DESTROY(missed);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[PROCS].value, start, NULL);
	return 0;
}
