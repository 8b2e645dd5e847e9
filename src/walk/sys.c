/* sys.c - the system calls of the walker. */
#define _GNU_SOURCE
#include "walk/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/walk.h>

int weft__walk_sys_open(int dirfd, const char *name)
{
	int fd;

	do
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

void weft__walk_sys_close(int fd)
{
	close(fd);
}

ssize_t weft__walk_sys_read(int fd, void *buffer, size_t size)
{
	long n;

	do
		n = syscall(SYS_getdents64, fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	/* A directory that was removed while it was open has no entries; POSIX has this be its end. */
	return errno == ENOENT ? 0 : -errno;
}

static int type_of_mode(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return WEFT_WALK_FILE;
	case S_IFDIR:
		return WEFT_WALK_DIR;
	case S_IFLNK:
		return WEFT_WALK_LINK;
	case S_IFIFO:
		return WEFT_WALK_FIFO;
	case S_IFSOCK:
		return WEFT_WALK_SOCKET;
	case S_IFCHR:
		return WEFT_WALK_CHAR;
	case S_IFBLK:
		return WEFT_WALK_BLOCK;
	default:
		return WEFT_WALK_OTHER;
	}
}

int weft__walk_sys_stat(int dirfd, const char *name, int *type, int64_t *size)
{
	struct statx st;
	int rc;

	do
		rc = statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_SIZE, &st);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	*type = type_of_mode(st.stx_mode);
	*size = *type == WEFT_WALK_FILE ? (int64_t)st.stx_size : -1;
	return 0;
}

size_t weft__walk_sys_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > SIZE_MAX)
		return SIZE_MAX;
	return (size_t)limit.rlim_cur;
}
