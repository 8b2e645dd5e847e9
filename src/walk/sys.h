/*
 * sys.h - the system calls of the walker. A result below 0 is a negative errno.
 *
 * errno belongs to the thread, and a walker may go on on another thread after any visit: only the functions
 * behind this header read it, none of them parks, and none is ever inlined.
 */
#ifndef WEFT_WALK_SYS_H
#define WEFT_WALK_SYS_H

#include <sys/types.h>

#include "base/base.h"

/* What the kernel writes for each entry of a directory. */
struct walk_dent {
	uint64_t inode;
	int64_t offset;
	uint16_t size; /* of this record: the next one follows */
	uint8_t type;  /* DT_ */
	char name[];
};

/*
 * A descriptor for reading the directory `name` of dirfd. Fails for anything else, a symbolic link included,
 * unless the name ends in '/'.
 */
NOINLINE int weft__walk_sys_open(int dirfd, const char *name);
NOINLINE void weft__walk_sys_close(int fd);

/* Reads further entries of an open directory: their bytes in records, 0 at the end. */
NOINLINE ssize_t weft__walk_sys_read(int fd, void *buffer, size_t size);

/*
 * What `name` in dirfd is (WEFT_WALK_), and its size when it is a regular file, else -1. Follows as open
 * does.
 */
NOINLINE int weft__walk_sys_stat(int dirfd, const char *name, int *type, int64_t *size);

/* How many descriptors the process may have. */
NOINLINE size_t weft__walk_sys_limit(void);

#endif /* WEFT_WALK_SYS_H */
