/*
 * chan_mpmc4x4, peer weft: four tasks send and four receive through one channel, unbuffered or with room for
 * `cap`. The numbers from 0 to n - 1 are sent, a quarter by each sender; their count and sum tell that each
 * came once. The value is per message.
 */
#include "bench_weft.h"

#include <stdalign.h>

#define SIDES 4

/* The receivers' own figures, apart from each other. */
struct tally {
	alignas(BENCH_LINE) uint64_t count;
	uint64_t sum;
};

enum { PROCS, CAP, UNBUF, N };
static struct bench_option options[] = { { "procs", 0 }, { "cap", -1 }, { "unbuf", -1 }, { "n", -1 } };
static weft_waitgroup_t senders = WEFT_WAITGROUP_INIT, receivers = WEFT_WAITGROUP_INIT;
static struct tally tallies[SIDES];

WEFT_TASK(receive, bench_chan_t, messages, struct tally *, tally)
{
	uint64_t count = 0, sum = 0;

	WEFT_RANGE (v, messages) {
		count++;
		sum += (uint64_t)v;
	}
	tally->count = count;
	tally->sum = sum;
	weft_waitgroup_done(&receivers);
}

WEFT_TASK(send_some, bench_chan_t, messages, long, first, long, count)
{
	for (long i = first; i < first + count; i++)
		WEFT_SEND(messages, i);
	weft_waitgroup_done(&senders);
}

static void start(void *arg)
{
	bool buffered = options[CAP].value > 0;
	long n = options[N].value > 0 ? options[N].value : buffered ? 20000000 : 4000000, each = n / SIDES;
	bench_chan_t messages = bench_chan(buffered ? (size_t)options[CAP].value : 0);
	uint64_t all = (uint64_t)(SIDES * each), count = 0, sum = 0;
	int64_t begin, wall_ns;

	(void)arg;
	BENCH_CHECK(each > 0, "n is too small");
	begin = bench_now_ns();
	weft_waitgroup_add(&senders, SIDES);
	weft_waitgroup_add(&receivers, SIDES);
	for (long s = 0; s < SIDES; s++) {
		BENCH_OK(WEFT_GO(receive, messages, &tallies[s]));
		BENCH_OK(WEFT_GO(send_some, messages, s * each, each));
	}
	weft_waitgroup_wait(&senders);
	WEFT_CLOSE(messages);
	weft_waitgroup_wait(&receivers);
	wall_ns = bench_now_ns() - begin;

	for (long s = 0; s < SIDES; s++) {
		count += tallies[s].count;
		sum += tallies[s].sum;
	}
	BENCH_CHECK(count == all, "%" PRIu64 " of %" PRIu64 " messages came", count, all);
	BENCH_CHECK(sum == all * (all - 1) / 2, "the messages that came are not those that were sent");
	bench_emit("chan_mpmc4x4", (double)wall_ns / (double)all, "ns");
	WEFT_CHAN_DESTROY(messages);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	BENCH_CHECK((options[CAP].value > 0) != (options[UNBUF].value > 0), "cap=N or unbuf=1 is missing");
	bench_weft_run(options[PROCS].value, start, NULL);
	return 0;
}
