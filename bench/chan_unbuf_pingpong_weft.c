/*
 * chan_unbuf_pingpong, peer weft: a number goes from one task to another through an unbuffered channel and
 * comes back, greater by one, through a second. n messages in all; the value is per message.
 */
#include "bench_weft.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 10000000 } };

WEFT_TASK(answer, bench_chan_t, ping, bench_chan_t, pong, bench_chan_t, ended, long, rounds)
{
	long v;

	for (long i = 0; i < rounds; i++) {
		WEFT_RECV(ping, &v);
		WEFT_SEND(pong, v + 1);
	}
	WEFT_SEND(ended, 1);
}

static void start(void *arg)
{
	long rounds = options[1].value / 2, v;
	bench_chan_t ping = bench_chan(0), pong = bench_chan(0), ended = bench_chan(0);
	int64_t begin;

	(void)arg;
	BENCH_CHECK(rounds > 0, "n is too small");
	begin = bench_now_ns();
	BENCH_OK(WEFT_GO(answer, ping, pong, ended, rounds));
	for (long i = 0; i < rounds; i++) {
		WEFT_SEND(ping, 2 * i);
		WEFT_RECV(pong, &v);
		BENCH_CHECK(v == 2 * i + 1, "%ld came back in round %ld", v, i);
	}
	WEFT_RECV(ended, &v);
	bench_emit("chan_unbuf_pingpong", (double)(bench_now_ns() - begin) / (double)(2 * rounds), "ns");
	WEFT_CHAN_DESTROY(ping);
	WEFT_CHAN_DESTROY(pong);
	WEFT_CHAN_DESTROY(ended);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	return 0;
}
