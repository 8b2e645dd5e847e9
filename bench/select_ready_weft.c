/*
 * select_ready, peer weft: one task selects among 2, 8 or 64 receives of which exactly one is ready. Before
 * each select a number goes into the buffer of one of the channels, chosen at random from a fixed seed; the
 * send is in the time. The array of cases is made once. The value is per select.
 */
#include "bench_weft.h"

#define CASES_MAX 64

enum { PROCS, CASES, N };
static struct bench_option options[] = { { "procs", 0 }, { "cases", 2 }, { "n", -1 } };

static void start(void *arg)
{
	long count = options[CASES].value, n = options[N].value, v = -1;
	bench_chan_t c[CASES_MAX];
	weft_case_t cases[CASES_MAX];
	uint64_t seed = 42;
	int64_t begin;

	(void)arg;
	BENCH_CHECK(count == 2 || count == 8 || count == 64, "cases is 2, 8 or 64");
	if (n < 0)
		n = count == 2 ? 20000000 : count == 8 ? 5000000 : 400000;
	for (long i = 0; i < count; i++) {
		c[i] = bench_chan(1);
		cases[i] = WEFT_ON_RECV(c[i], &v);
	}

	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		long ready = (long)(bench_random(&seed) & (uint64_t)(count - 1));
		WEFT_SEND(c[ready], i);
		int chosen = weft_select(cases, (size_t)count);
		BENCH_CHECK(chosen == ready && v == i && cases[chosen].result == 1,
			"case %d with %ld instead of case %ld with %ld", chosen, v, ready, i);
	}
	bench_emit("select_ready", (double)(bench_now_ns() - begin) / (double)n, "ns");
	for (long i = 0; i < count; i++)
		WEFT_CHAN_DESTROY(c[i]);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[PROCS].value, start, NULL);
	return 0;
}
