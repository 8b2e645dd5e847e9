/* memory.c - address space on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "os/os.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE 103
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define PIDFD_SELF_GROUP (-10001) /* this process, without a descriptor; newer kernels */

enum { VECTOR = 128 };

size_t weft__os_page_size(void)
{
	static size_t size;
	size_t known = at_load(&size, RELAXED);

	if (known == 0) {
		known = (size_t)sysconf(_SC_PAGESIZE);
		at_store(&size, known, RELAXED);
	}
	return known;
}

void *weft__os_reserve(size_t size, size_t align)
{
	size_t page = weft__os_page_size();
	size_t extra = align > page ? align - page : 0;
	char *raw, *start;

	if (weft__alloc_must_fail() || size + extra < size)
		return NULL;
	raw = mmap(NULL, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	if (extra == 0)
		return raw;
	start = (char *)ALIGN_UP((uintptr_t)raw, (uintptr_t)align);
	if (start != raw)
		munmap(raw, (size_t)(start - raw));
	if (start + size != raw + size + extra)
		munmap(start + size, (size_t)(raw + extra - start));
	return start;
}

void weft__os_release(void *memory, size_t size)
{
	munmap(memory, size);
}

void weft__os_small_pages(void *memory, size_t size)
{
	(void)madvise(memory, size, MADV_NOHUGEPAGE);
}

/* One call for many ranges where the kernel allows it on its own process; false: not possible here. */
static bool advise_many(char *const *bases, size_t n, size_t size, int advice)
{
	static int works = 1;
	struct iovec vector[VECTOR];

	if (n < 2 || !at_load(&works, RELAXED))
		return false;
	for (size_t done = 0; done < n;) {
		size_t count = n - done < VECTOR ? n - done : VECTOR;
		for (size_t i = 0; i < count; i++)
			vector[i] = (struct iovec){ bases[done + i], size };
		ssize_t bytes = syscall(SYS_process_madvise, PIDFD_SELF_GROUP, vector, count, advice, 0);
		if (bytes != (ssize_t)(count * size)) {
			if (bytes < 0 &&
				(errno == EINVAL || errno == EPERM || errno == ENOSYS || errno == EBADF))
				at_store(&works, 0, RELAXED);
			return false;
		}
		done += count;
	}
	return true;
}

/*
 * Emulators take the call for a hint and ignore it, with success. So the kernel is asked to read the first
 * guard: where it can, there is none.
 */
static bool guard_works(const void *guard)
{
	static int known; /* 1: yes, 2: no */
	int works = at_load(&known, RELAXED);

	if (works == 0) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		/* Without a guard this reads zeros, and adds them to the counter. */
		works = write(fd, guard, sizeof(uint64_t)) < 0 && errno == EFAULT ? 1 : 2;
		if (fd >= 0)
			close(fd);
		at_store(&known, works, RELAXED);
	}
	return works == 1;
}

int weft__os_guard_install(void *first, size_t size, size_t stride, size_t n)
{
	char *bases[VECTOR];

	for (size_t done = 0; done < n;) {
		size_t count = n - done < VECTOR ? n - done : VECTOR;
		for (size_t i = 0; i < count; i++)
			bases[i] = (char *)first + (done + i) * stride;
		if (!advise_many(bases, count, size, MADV_GUARD_INSTALL))
			for (size_t i = 0; i < count; i++)
				if (madvise(bases[i], size, MADV_GUARD_INSTALL) != 0)
					return -errno;
		done += count;
	}
	return guard_works(first) ? 0 : -ENOSYS;
}

void weft__os_commit(void *first, size_t size, size_t stride, size_t n)
{
	char *bases[VECTOR];

	for (size_t done = 0; done < n;) {
		size_t count = n - done < VECTOR ? n - done : VECTOR;
		for (size_t i = 0; i < count; i++)
			bases[i] = (char *)first + (done + i) * stride;
		if (!advise_many(bases, count, size, MADV_POPULATE_WRITE))
			return;
		done += count;
	}
}

void weft__os_guard_remove(void *memory, size_t size)
{
	(void)madvise(memory, size, MADV_GUARD_REMOVE);
}

int weft__os_guard_protect(void *memory, size_t size)
{
	return mprotect(memory, size, PROT_NONE) == 0 ? 0 : -errno;
}

void weft__os_discard(char *const *bases, size_t n, size_t size)
{
	if (advise_many(bases, n, size, MADV_DONTNEED))
		return;
	for (size_t i = 0; i < n; i++)
		(void)madvise(bases[i], size, MADV_DONTNEED);
}

size_t weft__os_map_limit(void)
{
	size_t limit = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f != NULL) {
		unsigned long value;
		if (fscanf(f, "%lu", &value) == 1)
			limit = value;
		fclose(f);
	}
	return limit;
}
