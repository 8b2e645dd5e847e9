/*
 * Many waiters on one descriptor, and one number for many descriptors: everyone who waits for an event
 * that comes is woken, the others are not, and who waits on a number finds the descriptor that is open
 * now.
 */
#include "test.h"

#include <sys/socket.h>

enum { READERS = 20 };

static weft_waitgroup_t readers, writers, impatient;
static int fds[2];
static unsigned read_woken, write_woken;

static void reader(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	at_add(&read_woken, 1, RELAXED);
}

static void writer(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	at_add(&write_woken, 1, RELAXED);
}

static void gives_up(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE | WEFT_WRITABLE, weft_deadline_in(WEFT_US(300))),
		-ETIMEDOUT);
}

static void *reader_thread(void *arg)
{
	reader(arg);
	return NULL;
}

static void open_pair(void)
{
	static const char junk[65536];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	while (write(fds[0], junk, sizeof junk) > 0)
		;
}

/* Readers, a writer and some that give up wait for one descriptor; each kind of event wakes its kind. */
static void many_waiters(void)
{
	pthread_t thread;
	char junk[4096];

	open_pair();
	read_woken = write_woken = 0;
	for (int i = 0; i < READERS; i++) {
		CHECK_EQ(weft_waitgroup_go(&readers, reader, NULL), 0);
		CHECK_EQ(weft_waitgroup_go(&impatient, gives_up, NULL), 0);
		if (i % 4 == 0)
			CHECK_EQ(weft_waitgroup_go(&writers, writer, NULL), 0);
	}
	CHECK_EQ(pthread_create(&thread, NULL, reader_thread, NULL), 0);
	weft_waitgroup_wait(&impatient);
	CHECK_EQ(at_load(&read_woken, RELAXED), 0);
	CHECK_EQ(at_load(&write_woken, RELAXED), 0);
	/* The other end makes room: that is for the writers alone. */
	while (read(fds[1], junk, sizeof junk) > 0)
		;
	weft_waitgroup_wait(&writers);
	CHECK_EQ(write_woken, READERS / 4);
	CHECK_EQ(at_load(&read_woken, RELAXED), 0);
	CHECK(write(fds[1], "x", 1) == 1);
	weft_waitgroup_wait(&readers);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(read_woken, READERS + 1);
	close(fds[0]);
	close(fds[1]);
}

/*
 * One number, a new pair each time; the old waiters have gone by a deadline, whose registration the
 * kernel forgot.
 */
enum { NUMBER = 200 };

/* The first end has that number. */
static void open_as_number(int pair[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(dup3(pair[0], NUMBER, O_CLOEXEC) == NUMBER);
	close(pair[0]);
	pair[0] = NUMBER;
}

static void same_number(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < test_scaled(500); i++) {
		int pair[2];
		open_as_number(pair);
		CHECK_EQ(weft_fd_wait(pair[0], WEFT_READABLE, weft_deadline_in(WEFT_US(20))), -ETIMEDOUT);
		CHECK(write(pair[1], "x", 1) == 1);
		CHECK_EQ(weft_fd_wait(pair[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
		close(pair[0]);
		close(pair[1]);
	}
}

/* Closed under a waiter, which is not woken but by its deadline; meanwhile the number serves another. */
static weft_waitgroup_t stale_waits, stale_done;

static void waits_on_stale(void *arg)
{
	(void)arg;
	weft_waitgroup_done(&stale_waits);
	/*
	 * What it says is open, as the number means something else now; that it returns is all that is
	 * promised.
	 */
	weft_fd_wait(NUMBER, WEFT_READABLE, weft_deadline_in(WEFT_MS(20)));
}

static void closed_under_waiter(void *arg)
{
	int pair[2], again[2];

	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		open_as_number(pair);
		weft_waitgroup_add(&stale_waits, 1);
		CHECK_EQ(weft_waitgroup_go(&stale_done, waits_on_stale, NULL), 0);
		weft_waitgroup_wait(&stale_waits);
		weft_yield();
		close(pair[0]);
		open_as_number(again);
		CHECK(write(again[1], "x", 1) == 1);
		CHECK_EQ(weft_fd_wait(again[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
		weft_waitgroup_wait(&stale_done);
		close(again[0]);
		close(again[1]);
		close(pair[1]);
	}
}

int main(void)
{
	test_begin();
	for (int i = 0; i < 10; i++)
		many_waiters();
	CHECK_EQ(weft_run(same_number, NULL), 0);
	CHECK_EQ(weft_run(closed_under_waiter, NULL), 0);
	test_end();
	return 0;
}
