/* Five hundred socket pairs at once, a byte going to and fro on each: nobody's event is lost. */
#include "test.h"

#include <sys/resource.h>
#include <sys/socket.h>

static weft_waitgroup_t wg;
static unsigned rounds;

static void read_byte(int fd, unsigned char expected)
{
	unsigned char byte;
	ssize_t n;

	while ((n = test_read(fd, &byte, 1)) == -EAGAIN)
		CHECK_EQ(weft_fd_wait(fd, WEFT_READABLE, weft_deadline_in(WEFT_S(60))), WEFT_READABLE);
	CHECK_EQ(n, 1);
	CHECK_EQ(byte, expected);
}

static void write_byte(int fd, unsigned char byte)
{
	ssize_t n;

	while ((n = test_write(fd, &byte, 1)) == -EAGAIN)
		CHECK_EQ(weft_fd_wait(fd, WEFT_WRITABLE, weft_deadline_in(WEFT_S(60))), WEFT_WRITABLE);
	CHECK_EQ(n, 1);
}

WEFT_TASK(ping, int, fd)
{
	for (unsigned i = 0; i < rounds; i++) {
		write_byte(fd, (unsigned char)i);
		read_byte(fd, (unsigned char)~i);
	}
	close(fd);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(pong, int, fd)
{
	for (unsigned i = 0; i < rounds; i++) {
		read_byte(fd, (unsigned char)i);
		write_byte(fd, (unsigned char)~i);
	}
	close(fd);
	weft_waitgroup_done(&wg);
}

int main(void)
{
	unsigned pairs = 500;
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 1100)
		pairs = 100;
	rounds = test_scaled(100);
	test_begin();
	weft_waitgroup_add(&wg, (int)(2 * pairs));
	for (unsigned i = 0; i < pairs; i++) {
		int fds[2];
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
		CHECK_EQ(WEFT_GO(ping, fds[0]), 0);
		CHECK_EQ(WEFT_GO(pong, fds[1]), 0);
	}
	weft_waitgroup_wait(&wg);
	test_end();
	return 0;
}
