/*
 * Any C call may block, any loop may burn. Twice as many tasks as processors sit in read(2), or in a
 * loop, and it is a task that must run to let them go.
 */
#include "test.h"

enum { STUCK = 4 };

static weft_waitgroup_t wg;
static int pipes[STUCK][2];
static unsigned arrived, released;

static void reader(void *arg)
{
	int *fd = arg;
	char byte;

	at_add(&arrived, 1, RELAXED);
	CHECK(read(fd[0], &byte, 1) == 1);
	CHECK_EQ(byte, 'x');
}

static void burner(void *arg)
{
	(void)arg;
	at_add(&arrived, 1, RELAXED);
	while (!at_load(&released, RELAXED))
		;
}

/* Starts last, so it is behind all of them. */
static void releaser(void *arg)
{
	(void)arg;
	/* All have arrived, though each holds the processor that it arrived on. */
	while (at_load(&arrived, RELAXED) < STUCK)
		weft_yield();
	at_store(&released, 1, RELAXED);
	for (int i = 0; i < STUCK; i++)
		CHECK(write(pipes[i][1], "x", 1) == 1);
}

static void start_readers(void *arg)
{
	(void)arg;
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, reader, pipes[i]), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, releaser, NULL), 0);
}

static void start_burners(void *arg)
{
	(void)arg;
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, burner, NULL), 0);
	CHECK_EQ(weft_waitgroup_go(&wg, releaser, NULL), 0);
}

static void sleeper(void *arg)
{
	(void)arg;
	at_add(&arrived, 1, RELAXED);
	while (!at_load(&released, RELAXED))
		weft_sleep(WEFT_US(100));
	at_add(&arrived, 1, RELAXED);
}

/* Timers fire and descriptors are polled while all processors are held up. */
static void release_by_timer(void *arg)
{
	(void)arg;
	while (at_load(&arrived, RELAXED) < STUCK)
		weft_sleep(WEFT_US(100));
	at_store(&released, 1, RELAXED);
}

static void start_burners_and_timer(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&wg, release_by_timer, NULL), 0);
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, burner, NULL), 0);
}

static void release_by_descriptor(void *arg)
{
	char byte;

	(void)arg;
	CHECK_EQ(weft_fd_wait(pipes[0][0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK(read(pipes[0][0], &byte, 1) == 1);
	at_store(&released, 1, RELAXED);
}

static void start_burners_and_descriptor(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&wg, release_by_descriptor, NULL), 0);
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, burner, NULL), 0);
}

static void reset(void)
{
	char bytes[16];

	for (int i = 0; i < STUCK; i++)
		while (read(pipes[i][0], bytes, sizeof bytes) > 0)
			;
	arrived = released = 0;
}

static void on(const char *procs)
{
	uint64_t retakes;

	test_env("WEFT_PROCS", procs);
	for (int i = 0; i < STUCK; i++)
		CHECK(pipe(pipes[i]) == 0);
	test_begin();

	CHECK_EQ(weft_run(start_readers, NULL), 0);
	weft_waitgroup_wait(&wg);
	retakes = test_stats().retakes;
	CHECK(retakes > 0);

	for (int i = 0; i < STUCK; i++)
		CHECK(fcntl(pipes[i][0], F_SETFL, O_NONBLOCK) == 0);
	reset();
	CHECK_EQ(weft_run(start_burners, NULL), 0);
	weft_waitgroup_wait(&wg);
	CHECK(test_stats().retakes > retakes);

	reset();
	CHECK_EQ(weft_run(start_burners_and_timer, NULL), 0);
	weft_waitgroup_wait(&wg);

	reset();
	CHECK_EQ(weft_run(start_burners_and_descriptor, NULL), 0);
	while (at_load(&arrived, RELAXED) < STUCK)
		test_pause_ms(1);
	CHECK(write(pipes[0][1], "x", 1) == 1);
	weft_waitgroup_wait(&wg);

	/* Those that were held up are ordinary tasks again. */
	reset();
	for (int i = 0; i < STUCK; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, sleeper, NULL), 0);
	while (at_load(&arrived, RELAXED) < STUCK)
		test_pause_ms(1);
	at_store(&released, 1, RELAXED);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(arrived, 2 * STUCK);
	test_end();
}

static void on_one(void)
{
	on("1");
}

static void on_two(void)
{
	on("2");
}

int main(void)
{
	CHILD_ENDS(test_run_child(on_one), 0);
	CHILD_ENDS(test_run_child(on_two), 0);
	return 0;
}
