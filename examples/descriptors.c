/*
 * Descriptors: many connections, a task for each, few threads. The descriptors do not block; a task
 * that has nothing to read waits in weft_fd_wait, and the thread runs others meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/weft.h>

enum { CLIENTS = 100, MESSAGES = 10 };

static weft_waitgroup_t all = WEFT_WAITGROUP_INIT;
static int answered;

/*
 * As read, with a negative errno for a failure. errno belongs to the thread, and its address may be
 * looked up once for a whole function, while a task may go on on another thread after a call that
 * parks. So a function that reads errno must not park, and must not be inlined into one that does.
 */
__attribute__((noinline)) static ssize_t try_read(int fd, char *buffer, size_t size)
{
	ssize_t n = read(fd, buffer, size);

	return n < 0 ? -errno : n;
}

/* Reads what is there, waiting for it if need be; 0 at the end, a negative errno on failure. */
static ssize_t read_some(int fd, char *buffer, size_t size)
{
	ssize_t n;

	while ((n = try_read(fd, buffer, size)) == -EAGAIN) {
		int r = weft_fd_wait(fd, WEFT_READABLE, weft_deadline_in(WEFT_S(30)));
		if (r < 0)
			return r;
	}
	return n;
}

/* Sends back all that comes. */
WEFT_TASK(serve, int, fd)
{
	char buffer[64];
	ssize_t n;

	while ((n = read_some(fd, buffer, sizeof buffer)) > 0)
		if (write(fd, buffer, (size_t)n) != n)
			break;
	close(fd);
	weft_waitgroup_done(&all);
}

WEFT_TASK(ask, int, fd)
{
	char byte;

	for (int i = 0; i < MESSAGES; i++)
		if (write(fd, "?", 1) == 1 && read_some(fd, &byte, 1) == 1)
			__atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
	close(fd);
	weft_waitgroup_done(&all);
}

static void start(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLIENTS; i++) {
		int fds[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
			break;
		weft_waitgroup_add(&all, 2);
		if (WEFT_GO(serve, fds[0]) < 0)
			weft_waitgroup_done(&all);
		if (WEFT_GO(ask, fds[1]) < 0)
			weft_waitgroup_done(&all);
	}
	weft_waitgroup_wait(&all);
}

int main(void)
{
	if (weft_run(start, NULL) != 0)
		return 1;
	printf("%d answers\n", answered);
	return answered == CLIENTS * MESSAGES ? 0 : 1;
}
