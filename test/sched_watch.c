/*
 * While every thread of the runtime blocks in C, or belongs to a pinned task that sleeps, somebody must still
 * watch timers and descriptors.
 */
#include "test.h"

#include <sys/socket.h>

#include "waiting.h"

static int gate[2], pair[2];
static weft_waitgroup_t watched = WEFT_WAITGROUP_INIT, blocked = WEFT_WAITGROUP_INIT;

static void blocks(void *arg)
{
	char byte;

	(void)arg;
	CHECK_EQ(test_read(gate[0], &byte, 1), 1);
}

static void naps(void *arg)
{
	(void)arg;
	weft_sleep(WEFT_MS(60));
}

static void reads(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_fd_wait(pair[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
}

static void naps_pinned(void *arg)
{
	(void)arg;
	weft_pin();
	for (int i = 0; i < 3; i++)
		weft_sleep(WEFT_MS(20));
	weft_unpin();
}

/* The waits end although the blocked tasks are let go only afterwards. */
static void with_procs(const char *procs, unsigned blockers)
{
	test_env("WEFT_PROCS", procs);
	CHECK(pipe(gate) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK_EQ(weft_waitgroup_go(&watched, naps, NULL), 0);
	CHECK_EQ(weft_waitgroup_go(&watched, reads, NULL), 0);
	WAIT_FOR(waiting() == 2);
	for (unsigned i = 0; i < blockers; i++)
		CHECK_EQ(weft_waitgroup_go(&blocked, blocks, NULL), 0);
	/* The monitor has taken all processors away, and nobody has use for them. */
	WAIT_FOR(test_stats().procs_idle == test_stats().procs);
	CHECK_EQ(test_write(pair[1], "x", 1), 1);
	CHECK_EQ(weft_waitgroup_wait(&watched), 0);
	for (unsigned i = 0; i < blockers; i++)
		CHECK_EQ(test_write(gate[1], "x", 1), 1);
	CHECK_EQ(weft_waitgroup_wait(&blocked), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_waitgroup_go(&watched, naps_pinned, NULL), 0);
	CHECK_EQ(weft_waitgroup_wait(&watched), 0);
}

static void one(void)
{
	with_procs("1", 1);
}

static void two(void)
{
	with_procs("2", 2);
}

int main(void)
{
	CHILD_ENDS(test_run_child(one), 0);
	CHILD_ENDS(test_run_child(two), 0);
	return 0;
}
