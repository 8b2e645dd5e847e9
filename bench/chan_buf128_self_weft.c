/*
 * chan_buf128_self, peer weft: one task sends a number into its own channel with room for 128 and receives
 * it. Nobody waits, nobody else takes part. The value is per pair of a send and a receive.
 */
#include "bench_weft.h"

#define CAPACITY 128

static struct bench_option options[] = { { "procs", 0 }, { "n", 40000000 } };

static void start(void *arg)
{
	long n = options[1].value, v;
	bench_chan_t own = bench_chan(CAPACITY);
	int64_t begin;

	(void)arg;
	begin = bench_now_ns();
	for (long i = 0; i < n; i++) {
		WEFT_SEND(own, i);
		WEFT_RECV(own, &v);
		BENCH_CHECK(v == i, "%ld came instead of %ld", v, i);
	}
	bench_emit("chan_buf128_self", (double)(bench_now_ns() - begin) / (double)n, "ns");
	WEFT_CHAN_DESTROY(own);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
