/*
 * select_shared_done, peer weft: each of `tasks` tasks selects in a loop between a channel of its own, which
 * a partner feeds, and one channel that they all share and that is closed at the end. Then the same with a
 * context in its place, cancelled at the end (select_shared_ctx). What is dear here is the one thing that all
 * wait for. The value is per select.
 */
#include "bench_weft.h"

enum { PROCS, TASKS, N };
static struct bench_option options[] = { { "procs", 0 }, { "tasks", 64 }, { "n", 3200000 } };
static weft_waitgroup_t feeders = WEFT_WAITGROUP_INIT, workers = WEFT_WAITGROUP_INIT;

WEFT_TASK(feed, bench_chan_t, own, long, each)
{
	for (long i = 0; i < each; i++)
		WEFT_SEND(own, i);
	weft_waitgroup_done(&feeders);
}

WEFT_TASK(work_channel, bench_chan_t, own, bench_chan_t, done, long *, received)
{
	bool stop = false;
	long expected, v = -1;

	for (expected = 0; !stop; expected++) {
		WEFT_SELECT {
			WEFT_CASE_RECV (own, &v)
				BENCH_CHECK(v == expected, "%ld came instead of %ld", v, expected);
			WEFT_CASE_RECV (done, NULL)
				stop = true;
		}
	}
	*received = expected - 1;
	weft_waitgroup_done(&workers);
}

WEFT_TASK(work_context, bench_chan_t, own, weft_context_t *, ctx, long *, received)
{
	bool stop = false;
	long expected, v = -1;

	for (expected = 0; !stop; expected++) {
		WEFT_SELECT {
			WEFT_CASE_RECV (own, &v)
				BENCH_CHECK(v == expected, "%ld came instead of %ld", v, expected);
			WEFT_CASE_DONE (ctx)
				stop = true;
		}
	}
	*received = expected - 1;
	weft_waitgroup_done(&workers);
}

/* Returns the wall time. One of done and ctx is there. */
static int64_t run(long tasks, long each, bench_chan_t done, weft_context_t *ctx)
{
	bench_chan_t *own = calloc((size_t)tasks, sizeof *own);
	long *received = calloc((size_t)tasks, sizeof *received);
	int64_t begin, wall_ns;

	BENCH_CHECK(own && received, "no memory");
	begin = bench_now_ns();
	weft_waitgroup_add(&feeders, (int)tasks);
	weft_waitgroup_add(&workers, (int)tasks);
	for (long t = 0; t < tasks; t++) {
		own[t] = bench_chan(0);
		if (done)
			BENCH_OK(WEFT_GO(work_channel, own[t], done, &received[t]));
		else
			BENCH_OK(WEFT_GO(work_context, own[t], ctx, &received[t]));
		BENCH_OK(WEFT_GO(feed, own[t], each));
	}
	weft_waitgroup_wait(&feeders);
	if (done)
		WEFT_CLOSE(done);
	else
		weft_context_cancel(ctx);
	weft_waitgroup_wait(&workers);
	wall_ns = bench_now_ns() - begin;
	for (long t = 0; t < tasks; t++) {
		BENCH_CHECK(received[t] == each, "task %ld got %ld of %ld messages", t, received[t], each);
		WEFT_CHAN_DESTROY(own[t]);
	}
	free(own);
	free(received);
	return wall_ns;
}

static void start(void *arg)
{
	long tasks = options[TASKS].value, each = options[N].value / tasks;
	bench_chan_t done = bench_chan(0);
	weft_context_t *ctx = weft_context_create(NULL);
	double selects = (double)(tasks * (each + 1));

	(void)arg;
	BENCH_CHECK(each > 0, "n is smaller than tasks");
	BENCH_CHECK(ctx, "no memory");
	bench_emit("select_shared_done", (double)run(tasks, each, done, NULL) / selects, "ns");
	bench_emit("select_shared_ctx", (double)run(tasks, each, NULL, ctx) / selects, "ns");
	WEFT_CHAN_DESTROY(done);
	weft_context_destroy(ctx);
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[PROCS].value, start, NULL);
	return 0;
}
