/* chan_unbuf_pingpong, peer pthread: as chan_unbuf_pingpong_weft.c, by mutex and condition variables. */
#include "bench.h"
#include "chan_pthread.h"

static struct bench_option options[] = { { "procs", 0 }, { "n", 100000 } };
static struct chan ping, pong;

static void *answer(void *arg)
{
	long rounds = *(long *)arg;

	for (long i = 0; i < rounds; i++)
		chan_send(&pong, chan_recv(&ping) + 1);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int64_t begin;
	int err;

	BENCH_PARSE(argc, argv, options);
	long rounds = options[1].value / 2;
	BENCH_CHECK(rounds > 0, "n is too small");
	bench_bind(options[0].value);
	chan_init(&ping, 0);
	chan_init(&pong, 0);
	begin = bench_now_ns();
	err = pthread_create(&thread, NULL, answer, &rounds);
	BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	for (long i = 0; i < rounds; i++) {
		chan_send(&ping, 2 * i);
		long v = chan_recv(&pong);
		BENCH_CHECK(v == 2 * i + 1, "%ld came back in round %ld", v, i);
	}
	pthread_join(thread, NULL);
	bench_emit("chan_unbuf_pingpong", (double)(bench_now_ns() - begin) / (double)(2 * rounds), "ns");
	return 0;
}
