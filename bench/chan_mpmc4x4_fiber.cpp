// chan_mpmc4x4, peer fiber: as chan_mpmc4x4_weft.c, by Boost.Fiber.
#include "chan_fiber.hpp"

#define SIDES 4

enum { PROCS, CAP, UNBUF, N };
static struct bench_option options[] = { { "procs", 0 }, { "cap", -1 }, { "unbuf", -1 }, { "n", 2000000 } };

template <class C> static void bench(C &messages)
{
	long each = options[N].value / SIDES;
	uint64_t all = (uint64_t)(SIDES * each), count[SIDES] = { 0 }, sum[SIDES] = { 0 };
	std::vector<boost::fibers::fiber> senders, receivers;

	BENCH_CHECK(each > 0, "n is too small");
	int64_t begin = bench_now_ns();
	for (long s = 0; s < SIDES; s++) {
		receivers.push_back(go([&, s] {
			uint64_t mine = 0, total = 0;
			for (long v; done(messages.pop(v)); mine++)
				total += (uint64_t)v;
			count[s] = mine;
			sum[s] = total;
		}));
		senders.push_back(go([&, s] {
			for (long i = s * each; i < (s + 1) * each; i++)
				messages.push(i);
		}));
	}
	for (auto &sender : senders)
		sender.join();
	messages.close();
	for (auto &receiver : receivers)
		receiver.join();
	int64_t wall_ns = bench_now_ns() - begin;
	for (long s = 1; s < SIDES; s++) {
		count[0] += count[s];
		sum[0] += sum[s];
	}
	BENCH_CHECK(count[0] == all, "%" PRIu64 " of %" PRIu64 " messages came", count[0], all);
	BENCH_CHECK(sum[0] == all * (all - 1) / 2, "the messages that came are not those that were sent");
	bench_emit("chan_mpmc4x4", (double)wall_ns / (double)all, "ns");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	long capacity = options[CAP].value;
	BENCH_CHECK((capacity > 0) != (options[UNBUF].value > 0), "cap=N or unbuf=1 is missing");
	fiber_run(options[PROCS].value, [&] {
		if (capacity > 0) {
			buffered messages((size_t)capacity);
			bench(messages);
		} else {
			unbuffered messages;
			bench(messages);
		}
	});
	return 0;
}
