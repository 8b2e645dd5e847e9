/*
 * delay, peer weft: what tasks that burn or block do to the others, and what an idle process costs.
 *
 * While one task a processor burns 200 ms (delay_burn) or blocks 200 ms in read(2) (delay_block), another
 * task sleeps a millisecond at a time; the worst lateness of its wake-ups is the delay. Then all tasks sleep
 * for idle_s seconds, and the wake-ups of all threads of the process are counted (idle_wakeups).
 */
#include "bench_weft.h"

#include <pthread.h>
#include <unistd.h>

static struct bench_option options[] = { { "procs", 0 }, { "idle_s", 3 } };
static const int64_t span_ns = WEFT_MS(200);
static int stop, pipe_fds[2];
static int64_t worst_ns;
static double burn_ms, block_ms, wakeups;

static void burn(void *arg)
{
	weft_time_t end = weft_now() + span_ns;

	(void)arg;
	while (weft_now() < end)
		;
}

static void block(void *arg)
{
	char byte;

	(void)arg;
	BENCH_CHECK(read(pipe_fds[0], &byte, 1) == 1, "read: %s", strerror(errno));
}

static void *release(void *arg)
{
	struct timespec span = { 0, span_ns };

	nanosleep(&span, NULL);
	for (long i = 0; i < options[0].value; i++)
		BENCH_CHECK(write(pipe_fds[1], "x", 1) == 1, "write: %s", strerror(errno));
	return arg;
}

static void sleeper(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		weft_time_t deadline = weft_deadline_in(WEFT_MS(1));
		weft_sleep_until(deadline);
		int64_t late = weft_now() - deadline;
		if (late > worst_ns)
			worst_ns = late;
	}
}

static double delay_ms(weft_fn_t *fn)
{
	weft_waitgroup_t busy = WEFT_WAITGROUP_INIT, watch = WEFT_WAITGROUP_INIT;

	stop = 0;
	worst_ns = 0;
	BENCH_CHECK(weft_waitgroup_go(&watch, sleeper, NULL) == 0, "no task");
	weft_sleep(WEFT_MS(20));
	worst_ns = 0;
	for (long i = 0; i < options[0].value; i++)
		BENCH_CHECK(weft_waitgroup_go(&busy, fn, NULL) == 0, "no task");
	weft_waitgroup_wait(&busy);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	weft_waitgroup_wait(&watch);
	return (double)worst_ns / 1e6;
}

static void start(void *arg)
{
	struct rusage before, after;
	pthread_t thread;

	(void)arg;
	burn_ms = delay_ms(burn);
	BENCH_CHECK(pipe(pipe_fds) == 0, "pipe: %s", strerror(errno));
	BENCH_CHECK(pthread_create(&thread, NULL, release, NULL) == 0, "no thread");
	block_ms = delay_ms(block);
	pthread_join(thread, NULL);
	weft_sleep(WEFT_MS(300));
	getrusage(RUSAGE_SELF, &before);
	weft_sleep(WEFT_S(options[1].value));
	getrusage(RUSAGE_SELF, &after);
	wakeups = (double)(after.ru_nvcsw - before.ru_nvcsw) / (double)options[1].value;
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[0].value, start, NULL);
	bench_emit("delay_burn", burn_ms, "ms");
	bench_emit("delay_block", block_ms, "ms");
	bench_emit("idle_wakeups", wakeups, "/s");
	return 0;
}
