/*
 * chan_buf128_spsc, peer weft: one task sends the numbers from 0 to n - 1 through a channel with room for
 * 128 and closes it, another receives until then. The value is per message.
 */
#include "bench_weft.h"

#define CAPACITY 128

static struct bench_option options[] = { { "procs", 0 }, { "n", 40000000 } };

WEFT_TASK(send_all, bench_chan_t, messages, long, n)
{
	for (long i = 0; i < n; i++)
		WEFT_SEND(messages, i);
	WEFT_CLOSE(messages);
}

static void start(void *arg)
{
	long n = options[1].value, got = 0;
	bench_chan_t messages = bench_chan(CAPACITY);
	int64_t begin, wall_ns;

	(void)arg;
	begin = bench_now_ns();
	BENCH_OK(WEFT_GO(send_all, messages, n));
	WEFT_RANGE (v, messages) {
		BENCH_CHECK(v == got, "%ld came instead of %ld", v, got);
		got++;
	}
	wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(got == n, "%ld of %ld messages came", got, n);
	bench_emit("chan_buf128_spsc", (double)wall_ns / (double)n, "ns");
	WEFT_CHAN_DESTROY(messages);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
