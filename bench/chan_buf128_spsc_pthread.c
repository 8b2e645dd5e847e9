/* chan_buf128_spsc, peer pthread: as chan_buf128_spsc_weft.c, by a mutex and two condition variables. */
#include "bench.h"
#include "chan_pthread.h"

#define CAPACITY 128

static struct bench_option options[] = { { "procs", 0 }, { "n", 5000000 } };
static struct chan messages;

static void *send_all(void *arg)
{
	long n = *(long *)arg;

	for (long i = 0; i < n; i++)
		chan_send(&messages, i);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int64_t begin;
	int err;

	BENCH_PARSE(argc, argv, options);
	long n = options[1].value;
	bench_bind(options[0].value);
	chan_init(&messages, CAPACITY);
	begin = bench_now_ns();
	err = pthread_create(&thread, NULL, send_all, &n);
	BENCH_CHECK(err == 0, "pthread_create: %s", strerror(err));
	for (long i = 0; i < n; i++) {
		long v = chan_recv(&messages);
		BENCH_CHECK(v == i, "%ld came instead of %ld", v, i);
	}
	pthread_join(thread, NULL);
	bench_emit("chan_buf128_spsc", (double)(bench_now_ns() - begin) / (double)n, "ns");
	return 0;
}
