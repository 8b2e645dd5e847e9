/* dir.c - kept directories and their descriptors; see dir.h for the protocol. */
#include "walk/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "os/lock.h"
#include "walk/sys.h"

enum {
	FDS_MIN = 4,
	FDS_MAX = 256,
	OPEN_ATTEMPTS = 8,
	STEPS = 64 /* levels that are remembered on the way up, to be opened on the way down */
};

#define OPEN (1u << 31)

void weft__walk_fds_init(struct walk_fds *fds)
{
	size_t limit = weft__walk_sys_limit() / 4;

	limit = limit < FDS_MIN ? FDS_MIN : limit > FDS_MAX ? FDS_MAX : limit;
	*fds = (struct walk_fds){ .limit = (unsigned)limit };
}

/* Under the lock. */
static void unlink_open(struct walk_fds *fds, struct walk_dir *dir)
{
	if (dir->newer != NULL)
		dir->newer->older = dir->older;
	else
		fds->newest = dir->older;
	if (dir->older != NULL)
		dir->older->newer = dir->newer;
	else
		fds->oldest = dir->newer;
	dir->newer = dir->older = NULL;
	fds->open--;
}

/* Under the lock: closes the state of dir unless it is in use. The descriptor to be closed, or -1. */
static int take_unused(struct walk_fds *fds, struct walk_dir *dir)
{
	uint32_t expected = OPEN;

	/* Acquire: the uses of fd by those who have unpinned come before its end. */
	if (!at_cas(&dir->state, &expected, 0, ACQUIRE, RELAXED))
		return -1;
	unlink_open(fds, dir);
	return dir->fd;
}

/* Under the lock: the descriptor of the directory that was opened first of those not in use, or -1. */
static int take_oldest(struct walk_fds *fds)
{
	for (struct walk_dir *dir = fds->oldest; dir != NULL; dir = dir->newer) {
		int fd = take_unused(fds, dir);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* Closes what was opened first, of those not in use, until no more than `keep` are open. */
static void trim(struct walk_fds *fds, unsigned keep)
{
	for (;;) {
		int fd = -1;
		lock_acquire(&fds->lock);
		if (fds->open > keep)
			fd = take_oldest(fds);
		lock_release(&fds->lock);
		if (fd < 0)
			return;
		weft__walk_sys_close(fd);
	}
}

/*
 * Makes fd the descriptor of dir, pinned once for the caller; when it has got one meanwhile, that one is
 * pinned and fd closed.
 */
static void install(struct walk_fds *fds, struct walk_dir *dir, int fd)
{
	unsigned keep;
	bool full, surplus;

	lock_acquire(&fds->lock);
	surplus = at_load(&dir->state, RELAXED) & OPEN;
	if (surplus) {
		/* Nobody closes it while the lock is held. */
		at_add(&dir->state, 1, ACQUIRE);
	} else {
		dir->fd = fd;
		dir->newer = NULL;
		dir->older = fds->newest;
		if (fds->newest != NULL)
			fds->newest->newer = dir;
		else
			fds->oldest = dir;
		fds->newest = dir;
		fds->open++;
		at_add(&dir->state, OPEN + 1, RELEASE);
	}
	keep = fds->limit;
	full = fds->open > keep;
	lock_release(&fds->lock);
	if (unlikely(surplus))
		weft__walk_sys_close(fd);
	if (unlikely(full))
		trim(fds, keep);
}

/*
 * The process or the system is out of descriptors: gives back what can be spared, and keeps fewer from now
 * on.
 */
static void shrink(struct walk_fds *fds)
{
	lock_acquire(&fds->lock);
	fds->limit = fds->limit / 2 < FDS_MIN ? FDS_MIN : fds->limit / 2;
	lock_release(&fds->lock);
	trim(fds, 0);
}

static int open_at(struct walk_fds *fds, int dirfd, const char *name)
{
	int fd = weft__walk_sys_open(dirfd, name);

	/* Others may take what was given back: more than one attempt. */
	for (int i = 0; i < OPEN_ATTEMPTS && unlikely(fd == -EMFILE || fd == -ENFILE); i++) {
		shrink(fds);
		fd = weft__walk_sys_open(dirfd, name);
	}
	return fd;
}

static bool pin_open(struct walk_dir *dir)
{
	if (at_add(&dir->state, 1, ACQUIRE) & OPEN)
		return true;
	at_sub(&dir->state, 1, RELAXED);
	return false;
}

/*
 * Opens directories from the nearest open ancestor down towards dir, at most STEPS of them. The one reached
 * last, pinned, or NULL and *error.
 */
static struct walk_dir *descend(struct walk_fds *fds, struct walk_dir *dir, int *error)
{
	struct walk_dir *way[STEPS];
	struct walk_dir *at = dir;
	size_t n = 0;

	while (at != NULL && !pin_open(at)) {
		way[n++ % STEPS] = at;
		at = at->parent;
	}
	for (size_t steps = n < STEPS ? n : STEPS; steps > 0; steps--) {
		struct walk_dir *next = way[--n % STEPS];
		int fd = open_at(fds, at != NULL ? at->fd : AT_FDCWD, next->name);

		if (at != NULL)
			weft__walk_dir_unpin(at);
		if (fd < 0) {
			*error = fd;
			return NULL;
		}
		install(fds, next, fd);
		at = next;
	}
	return at;
}

int weft__walk_dir_pin(struct walk_fds *fds, struct walk_dir *dir)
{
	struct walk_dir *reached = NULL;
	int error = 0;

	if (likely(pin_open(dir)))
		return dir->fd;
	while (reached != dir) {
		/* The pin on what was reached keeps the next descent from starting further up. */
		struct walk_dir *next = descend(fds, dir, &error);
		if (reached != NULL)
			weft__walk_dir_unpin(reached);
		if (next == NULL)
			return error;
		reached = next;
	}
	return dir->fd;
}

void weft__walk_dir_unpin(struct walk_dir *dir)
{
	at_sub(&dir->state, 1, RELEASE);
}

int weft__walk_dir_open(struct walk_fds *fds, struct walk_dir *parent, const char *name)
{
	int parent_fd, fd;

	if (parent == NULL)
		return open_at(fds, AT_FDCWD, name);
	parent_fd = weft__walk_dir_pin(fds, parent);
	if (unlikely(parent_fd < 0))
		return parent_fd;
	fd = open_at(fds, parent_fd, name);
	weft__walk_dir_unpin(parent);
	return fd;
}

struct walk_dir *weft__walk_dir_keep(
	struct walk_fds *fds, struct walk_dir *parent, const char *name, size_t name_len, int fd)
{
	struct walk_dir *dir = weft__alloc(sizeof *dir + name_len + 1);

	if (dir == NULL)
		return NULL;
	memcpy(dir->name, name, name_len);
	dir->name_len = name_len;
	dir->prefix_len = name_len + (name[name_len - 1] != '/');
	dir->refs = 1;
	if (parent != NULL) {
		weft__walk_dir_ref(parent);
		dir->parent = parent;
		dir->depth = parent->depth + 1;
		dir->prefix_len += parent->prefix_len;
	}
	install(fds, dir, fd);
	return dir;
}

void weft__walk_dir_ref(struct walk_dir *dir)
{
	at_add(&dir->refs, 1, RELAXED);
}

void weft__walk_dir_unref(struct walk_fds *fds, struct walk_dir *dir)
{
	while (dir != NULL && at_sub(&dir->refs, 1, ACQ_REL) == 1) {
		struct walk_dir *parent = dir->parent;
		int fd;

		/* No reference, so no pin; but it may be closed by who needs its descriptor. */
		lock_acquire(&fds->lock);
		fd = take_unused(fds, dir);
		lock_release(&fds->lock);
		if (fd >= 0)
			weft__walk_sys_close(fd);
		weft__free(dir);
		dir = parent;
	}
}

void weft__walk_dir_prefix(const struct walk_dir *dir, char *path)
{
	for (; dir != NULL; dir = dir->parent) {
		size_t start = dir->parent != NULL ? dir->parent->prefix_len : 0;
		path[dir->prefix_len - 1] = '/';
		memcpy(path + start, dir->name, dir->name_len);
	}
}
