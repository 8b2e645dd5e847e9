/*
 * context_cancel, peer weft: a context gets `children` children (context_cancel_create), is cancelled, and
 * each child is asked whether it was told (context_cancel); then each is given up (context_cancel_release).
 * Nobody waits on them. The mean of n rounds.
 */
#include "bench_weft.h"

enum { PROCS, CHILDREN, N };
static struct bench_option options[] = { { "procs", 0 }, { "children", 100000 }, { "n", 30 } };

static void start(void *arg)
{
	long count = options[CHILDREN].value, n = options[N].value;
	weft_context_t **children = calloc((size_t)count, sizeof *children), *root;
	int64_t create = 0, cancel = 0, release = 0, begin;

	(void)arg;
	BENCH_CHECK(children, "no memory");
	for (long round = 0; round < n; round++) {
		root = weft_context_create(NULL);
		BENCH_CHECK(root, "no memory");
		begin = bench_now_ns();
		for (long i = 0; i < count; i++) {
			children[i] = weft_context_create(root);
			BENCH_CHECK(children[i], "no memory");
		}
		create += bench_now_ns() - begin;
		for (long i = 0; i < count; i++)
			BENCH_CHECK(
				weft_context_err(children[i]) == 0, "child %ld is cancelled too early", i);
		begin = bench_now_ns();
		weft_context_cancel(root);
		for (long i = 0; i < count; i++)
			BENCH_CHECK(weft_context_err(children[i]) == -ECANCELED, "child %ld was not told", i);
		cancel += bench_now_ns() - begin;
		begin = bench_now_ns();
		for (long i = 0; i < count; i++)
			weft_context_destroy(children[i]);
		release += bench_now_ns() - begin;
		weft_context_destroy(root);
	}
	free(children);
	bench_emit("context_cancel", (double)cancel / (double)n / 1e6, "ms");
	bench_emit("context_cancel_create", (double)create / (double)n / 1e6, "ms");
	bench_emit("context_cancel_release", (double)release / (double)n / 1e6, "ms");
}

int main(int argc, char **argv)
{
	BENCH_PARSE(argc, argv, options);
	bench_weft_run(options[PROCS].value, start, NULL);
	return 0;
}
