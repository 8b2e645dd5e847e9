/* poll.c - epoll, with an eventfd that interrupts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <weft/task.h>

#include "os/os.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

enum { BATCH = 64 };

#define KICK UINT64_MAX /* no descriptor is that large */

static struct timespec *remaining(struct timespec *ts, weft_time_t deadline)
{
	int64_t left;

	if (deadline == WEFT_NEVER)
		return NULL;
	left = deadline <= 0 ? 0 : deadline - weft__os_now();
	if (left < 0)
		left = 0;
	ts->tv_sec = left / 1000000000;
	ts->tv_nsec = left % 1000000000;
	return ts;
}

static unsigned from_epoll(uint32_t got)
{
	unsigned events = 0;

	if (got & (EPOLLIN | EPOLLRDHUP | EPOLLPRI))
		events |= WEFT_READABLE;
	if (got & EPOLLOUT)
		events |= WEFT_WRITABLE;
	if (got & (EPOLLERR | EPOLLHUP))
		events |= WEFT_READABLE | WEFT_WRITABLE;
	return events;
}

int weft__os_poller_open(struct os_poller *poller)
{
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	poller->kick = -1;
	poller->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (poller->epoll < 0)
		return -errno;
	poller->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (poller->kick < 0)
		goto fail;
	event.data.u64 = KICK;
	if (epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->kick, &event) != 0)
		goto fail;
	return 0;
fail:
	err = errno;
	if (poller->kick >= 0)
		close(poller->kick);
	close(poller->epoll);
	return -err;
}

int weft__os_poller_arm(const struct os_poller *poller, int fd, unsigned events, uint32_t tag)
{
	struct epoll_event event = { .events = EPOLLONESHOT };

	if (events & WEFT_READABLE)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (events & WEFT_WRITABLE)
		event.events |= EPOLLOUT;
	event.data.u64 = (uint64_t)tag << 32 | (uint32_t)fd;
	/* The kernel forgets a descriptor when it is closed, so what is known here may be out of date. */
	if (epoll_ctl(poller->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (errno == ENOENT && epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == EPERM ? 1 : -errno;
}

int weft__os_poller_wait(const struct os_poller *poller, struct os_event *events, int n, weft_time_t deadline)
{
	static int has_pwait2 = 1;
	struct epoll_event got[BATCH];
	struct timespec ts, *timeout = remaining(&ts, deadline);
	int count, out = 0;

	if (n > BATCH)
		n = BATCH;
	count = -1;
	errno = ENOSYS;
	if (__atomic_load_n(&has_pwait2, __ATOMIC_RELAXED))
		count = (int)syscall(SYS_epoll_pwait2, poller->epoll, got, n, timeout, NULL, 0);
	if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
		/* Before Linux 5.11, or forbidden by a filter. Rounded up: a deadline is not polled for. */
		int64_t ms = timeout == NULL ? -1 : ts.tv_sec * 1000 + (ts.tv_nsec + 999999) / 1000000;
		__atomic_store_n(&has_pwait2, 0, __ATOMIC_RELAXED);
		count = epoll_wait(poller->epoll, got, n, ms > 60000 ? 60000 : (int)ms);
	}
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		if (got[i].data.u64 == KICK) {
			uint64_t drained;
			/* A kick is for the one who sleeps: who only looks must leave it. */
			if (deadline > 0)
				(void)!read(poller->kick, &drained, sizeof drained);
			continue;
		}
		events[out++] = (struct os_event){ (int)(uint32_t)got[i].data.u64,
			(uint32_t)(got[i].data.u64 >> 32), from_epoll(got[i].events) };
	}
	return out;
}

void weft__os_poller_kick(const struct os_poller *poller)
{
	uint64_t one = 1;

	(void)!write(poller->kick, &one, sizeof one);
}

int weft__os_poll_one(int fd, unsigned events, weft_time_t deadline)
{
	struct pollfd p = { .fd = fd };
	struct timespec ts;

	if (events & WEFT_READABLE)
		p.events |= POLLIN | POLLRDHUP;
	if (events & WEFT_WRITABLE)
		p.events |= POLLOUT;
	for (;;) {
		int n = ppoll(&p, 1, remaining(&ts, deadline), NULL);
		if (n > 0) {
			unsigned got = 0;
			if (p.revents & POLLNVAL)
				return -EBADF;
			if (p.revents & (POLLIN | POLLRDHUP | POLLERR | POLLHUP))
				got |= WEFT_READABLE;
			if (p.revents & (POLLOUT | POLLERR | POLLHUP))
				got |= WEFT_WRITABLE;
			if ((got & events) != 0)
				return (int)(got & events);
			continue;
		}
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}
