/*
 * sieve2000, peer weft: the concurrent prime sieve. One task generates the numbers from 2 on; for each prime
 * that arrives, one more task is put into the chain that drops its multiples; all are joined by unbuffered
 * channels. Wall time until the 2,000th prime (or the 200th, for a smoke test). The chain is left as it is.
 */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 2000 } };

WEFT_TASK(generate, bench_chan_t, out)
{
	for (long i = 2;; i++)
		WEFT_SEND(out, i);
}

WEFT_TASK(filter, bench_chan_t, in, bench_chan_t, out, long, prime)
{
	WEFT_RANGE (i, in)
		if (i % prime != 0)
			WEFT_SEND(out, i);
}

static void start(void *arg)
{
	long n = options[1].value, prime = 0;
	bench_chan_t ch, next;
	int64_t begin, wall_ns;

	(void)arg;
	BENCH_CHECK(n == 2000 || n == 200, "n is 2000 or 200");
	begin = bench_now_ns();
	ch = bench_chan(0);
	BENCH_OK(WEFT_GO(generate, ch));
	for (long i = 0; i < n; i++) {
		WEFT_RECV(ch, &prime);
		next = bench_chan(0);
		BENCH_OK(WEFT_GO(filter, ch, next, prime));
		ch = next;
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(prime == (n == 2000 ? 17389 : 1223), "%ld is not prime number %ld", prime, n);
	bench_emit("sieve2000", (double)wall_ns / 1e9, "s");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
