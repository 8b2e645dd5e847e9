/* weft-test: label=valgrind */
/* What weft_fd_wait answers, in a task and on a plain thread: events, hang-ups, deadlines, errors. */
#include "test.h"

#include <sys/socket.h>

static weft_waitgroup_t wg;

struct pair {
	int a, b;
};

static struct pair pair_new(void)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	return (struct pair){ fds[0], fds[1] };
}

static void fill(int fd)
{
	static const char junk[65536];
	ssize_t n;

	while ((n = test_write(fd, junk, sizeof junk)) > 0)
		;
	CHECK_EQ(n, -EAGAIN);
}

static void drain(int fd)
{
	char junk[4096];

	while (test_read(fd, junk, sizeof junk) > 0)
		;
}

static weft_time_t soon(void)
{
	return weft_deadline_in(WEFT_MS(2));
}

static void answers(void *arg)
{
	struct pair p = pair_new();
	weft_time_t deadline;

	(void)arg;
	/* Bad arguments. */
	CHECK_EQ(weft_fd_wait(p.a, 0, WEFT_NEVER), -EINVAL);
	CHECK_EQ(weft_fd_wait(p.a, 4, WEFT_NEVER), -EINVAL);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | 8, 0), -EINVAL);
	CHECK_EQ(weft_fd_wait(-1, WEFT_READABLE, WEFT_NEVER), -EBADF);
	CHECK_EQ(weft_fd_wait(100000, WEFT_READABLE, WEFT_NEVER), -EBADF);
	CHECK_EQ(weft_fd_wait(INT32_MAX, WEFT_READABLE, 0), -EBADF);

	/* Nothing there: the deadline, never early. */
	deadline = soon();
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, deadline), -ETIMEDOUT);
	CHECK(weft_now() >= deadline);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, 0), -ETIMEDOUT);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, -1), -ETIMEDOUT);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, weft_now()), -ETIMEDOUT);

	/* Room to write, and one of two. */
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, 0), WEFT_WRITABLE);

	/* Data; it is taken even when the deadline has passed. */
	CHECK(write(p.b, "xyz", 3) == 3);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, 0), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, weft_now() - WEFT_S(1)), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | WEFT_WRITABLE, WEFT_NEVER), WEFT_READABLE | WEFT_WRITABLE);
	drain(p.a);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, soon()), -ETIMEDOUT);

	/* No room to write. */
	fill(p.a);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, soon()), -ETIMEDOUT);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | WEFT_WRITABLE, 0), -ETIMEDOUT);
	drain(p.b);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);

	/* The other end is gone: both. */
	fill(p.a);
	close(p.b);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | WEFT_WRITABLE, WEFT_NEVER), WEFT_READABLE | WEFT_WRITABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	close(p.a);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, WEFT_NEVER), -EBADF);
}

/* Half a shutdown is the end of input only. */
static void half_closed(void *arg)
{
	struct pair p = pair_new();

	(void)arg;
	CHECK(shutdown(p.b, SHUT_WR) == 0);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	close(p.a);
	close(p.b);
}

static void pipes(void *arg)
{
	int fds[2];

	(void)arg;
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, soon()), -ETIMEDOUT);
	CHECK_EQ(weft_fd_wait(fds[1], WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	close(fds[0]);
	/* Nobody reads: an error counts as what was waited for. */
	CHECK_EQ(weft_fd_wait(fds[1], WEFT_WRITABLE, WEFT_NEVER), WEFT_WRITABLE);
	close(fds[1]);
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	close(fds[1]);
	CHECK_EQ(weft_fd_wait(fds[0], WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	close(fds[0]);
}

/* Files and directories are always ready. */
static void files(void *arg)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)arg;
	CHECK(file >= 0 && dir >= 0);
	CHECK_EQ(weft_fd_wait(file, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	CHECK_EQ(weft_fd_wait(file, WEFT_READABLE, 0), WEFT_READABLE);
	CHECK_EQ(
		weft_fd_wait(file, WEFT_READABLE | WEFT_WRITABLE, WEFT_NEVER), WEFT_READABLE | WEFT_WRITABLE);
	CHECK_EQ(weft_fd_wait(dir, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	close(file);
	close(dir);
}

/* Woken from a wait, not found ready at its start. */
static void write_later(void *arg)
{
	weft_sleep(WEFT_MS(2));
	CHECK(write(*(int *)arg, "x", 1) == 1);
}

static void hang_up_later(void *arg)
{
	weft_sleep(WEFT_MS(2));
	CHECK(shutdown(*(int *)arg, SHUT_RDWR) == 0);
}

static void drain_later(void *arg)
{
	weft_sleep(WEFT_MS(2));
	drain(*(int *)arg);
}

static void wakes(void *arg)
{
	struct pair p = pair_new();

	(void)arg;
	CHECK_EQ(weft_waitgroup_go(&wg, write_later, &p.b), 0);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, WEFT_NEVER), WEFT_READABLE);
	weft_waitgroup_wait(&wg);
	drain(p.a);
	fill(p.a);
	CHECK_EQ(weft_waitgroup_go(&wg, drain_later, &p.b), 0);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE | WEFT_WRITABLE, weft_deadline_in(WEFT_S(100))),
		WEFT_WRITABLE);
	weft_waitgroup_wait(&wg);
	CHECK_EQ(weft_waitgroup_go(&wg, hang_up_later, &p.b), 0);
	CHECK_EQ(weft_fd_wait(p.a, WEFT_READABLE, weft_deadline_in(WEFT_S(100))), WEFT_READABLE);
	weft_waitgroup_wait(&wg);
	close(p.a);
	close(p.b);
}

static void all(void *arg)
{
	answers(arg);
	half_closed(arg);
	pipes(arg);
	files(arg);
	wakes(arg);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_begin();
	all(NULL);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(weft_run(all, NULL), 0);
	test_end();
	return 0;
}
