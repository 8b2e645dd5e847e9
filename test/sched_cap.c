/*
 * More tasks block outside of weft than there may be threads: that is said once, by name, and when they
 * are let go, all goes on.
 */
#include "test.h"

enum { STUCK = 6 };

static weft_waitgroup_t wg, free_wg;
static int pipes[STUCK][2];
static unsigned free_ran;

static void reader(void *arg)
{
	int *fd = arg;
	char byte;

	CHECK(read(fd[0], &byte, 1) == 1);
}

static void runs_free(void *arg)
{
	(void)arg;
	at_add(&free_ran, 1, RELAXED);
}

/* Replaces standard error by a pipe and returns its reading end. */
static int capture_stderr(void)
{
	int fds[2];

	CHECK(pipe(fds) == 0);
	test_stderr = dup(STDERR_FILENO);
	CHECK(test_stderr >= 0 && dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
	close(fds[1]);
	return fds[0];
}

int main(void)
{
	weft_go_options_t options = { .size = sizeof options, .name = "stuck one" };
	char text[8192] = "";
	const char *site = NULL;
	size_t have = 0;
	int err;

	test_env("WEFT_PROCS", "2");
	test_env("WEFT_MAXTHREADS", "3");
	for (int i = 0; i < STUCK; i++)
		CHECK(pipe(pipes[i]) == 0);
	err = capture_stderr();
	test_begin();
	weft_waitgroup_add(&wg, STUCK);
	for (int i = 0; i < STUCK; i++) {
		int r = (site = WEFT_HERE, weft_go_with(&options, reader, pipes[i]));
		CHECK_EQ(r, 0);
	}
	/* The report is the event: it comes when a fourth thread would be needed. */
	while (strchr(text, '\n') == NULL) {
		struct pollfd p = { .fd = err, .events = POLLIN };
		ssize_t n;
		if (poll(&p, 1, 60000) != 1)
			test_fail("nothing was reported\n");
		n = read(err, text + have, sizeof text - 1 - have);
		CHECK(n > 0);
		text[have += (size_t)n] = '\0';
	}
	/* Three threads are held; the first that is let go does the rest. */
	for (int i = 0; i < 10; i++)
		CHECK_EQ(weft_waitgroup_go(&free_wg, runs_free, NULL), 0);
	for (int i = 0; i < STUCK; i++)
		CHECK(write(pipes[i][1], "x", 1) == 1);
	weft_waitgroup_wait(&free_wg);
	CHECK_EQ(free_ran, 10);
	WAIT_FOR(test_stats().tasks_alive == 0);

	/* Once more: no second report. */
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_go(reader, pipes[i]), 0);
	for (int i = 0; i < STUCK; i++)
		CHECK(write(pipes[i][1], "x", 1) == 1);
	test_end();
	CHECK(test_stats().threads <= 4); /* with the monitor */

	CHECK(fcntl(err, F_SETFL, O_NONBLOCK) == 0);
	for (ssize_t n; (n = read(err, text + have, sizeof text - 1 - have)) > 0;)
		text[have += (size_t)n] = '\0';
	if (test_count_text(text, "WEFT_MAXTHREADS") != 1 || test_count_text(text, "\n") != 1 ||
		strstr(text, "all 3 threads") == NULL || strstr(text, "stuck one") == NULL ||
		strstr(text, site) == NULL)
		test_fail("unexpected report:\n%s\n(expected to see %s)\n", text, site);
	return 0;
}
