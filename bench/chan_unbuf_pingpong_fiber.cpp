// chan_unbuf_pingpong, peer fiber: as chan_unbuf_pingpong_weft.c, by Boost.Fiber.
#include "chan_fiber.hpp"

static struct bench_option options[] = { { "procs", 0 }, { "n", 4000000 } };

static void bench()
{
	long rounds = options[1].value / 2;
	unbuffered ping, pong;

	BENCH_CHECK(rounds > 0, "n is too small");
	int64_t begin = bench_now_ns();
	auto answer = go([&] {
		long v = 0;
		for (long i = 0; i < rounds; i++) {
			ping.pop(v);
			pong.push(v + 1);
		}
	});
	auto ask = go([&] {
		long v = 0;
		for (long i = 0; i < rounds; i++) {
			ping.push(2 * i);
			pong.pop(v);
			BENCH_CHECK(v == 2 * i + 1, "%ld came back in round %ld", v, i);
		}
	});
	answer.join();
	ask.join();
	bench_emit("chan_unbuf_pingpong", (double)(bench_now_ns() - begin) / (double)(2 * rounds), "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	fiber_run(options[0].value, bench);
	return 0;
}
