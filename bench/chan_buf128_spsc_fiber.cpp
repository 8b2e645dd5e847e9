// chan_buf128_spsc, peer fiber: as chan_buf128_spsc_weft.c, by Boost.Fiber.
#include "chan_fiber.hpp"

#define CAPACITY 128

static struct bench_option options[] = { { "procs", 0 }, { "n", 10000000 } };

static void bench()
{
	long n = options[1].value, got = 0;
	buffered messages(CAPACITY);

	int64_t begin = bench_now_ns();
	auto sender = go([&] {
		for (long i = 0; i < n; i++)
			messages.push(i);
		messages.close();
	});
	auto receiver = go([&] {
		for (long v; done(messages.pop(v)); got++)
			BENCH_CHECK(v == got, "%ld came instead of %ld", v, got);
	});
	sender.join();
	receiver.join();
	int64_t wall_ns = bench_now_ns() - begin;
	BENCH_CHECK(got == n, "%ld of %ld messages came", got, n);
	bench_emit("chan_buf128_spsc", (double)wall_ns / (double)n, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	fiber_run(options[0].value, bench);
	return 0;
}
