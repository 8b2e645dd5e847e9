/*
 * skynet1m, peer weft: the skynet benchmark. A task starts ten, each of them ten more, down to n leaves that
 * send their numbers; every task above sums up what its ten send through one unbuffered channel. Wall time,
 * in a fresh process, and the most memory that the process has had.
 */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 1000000 } };

WEFT_TASK(skynet, bench_chan_t, out, long, num, long, size, long, div)
{
	bench_chan_t in;
	long sum = 0, v = 0;

	if (size == 1) {
		WEFT_SEND(out, num);
		return;
	}
	in = bench_chan(0);
	for (long i = 0; i < div; i++)
		BENCH_OK(WEFT_GO(skynet, in, num + i * (size / div), size / div, div));
	for (long i = 0; i < div; i++) {
		WEFT_RECV(in, &v);
		sum += v;
	}
	WEFT_CHAN_DESTROY(in);
	WEFT_SEND(out, sum);
}

static void start(void *arg)
{
	long n = options[1].value, sum = 0;
	bench_chan_t result;
	int64_t begin, wall_ns;

	(void)arg;
	for (long size = n; size > 1; size /= 10)
		BENCH_CHECK(size % 10 == 0, "n is a power of ten");
	begin = bench_now_ns();
	result = bench_chan(0);
	BENCH_OK(WEFT_GO(skynet, result, 0, n, 10));
	WEFT_RECV(result, &sum);
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(sum == n * (n - 1) / 2, "the sum is %ld", sum);
	bench_emit("skynet1m", (double)wall_ns / 1e9, "s");
	bench_emit("skynet1m_mib", bench_peak_mib(), "MiB");
	WEFT_CHAN_DESTROY(result);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
