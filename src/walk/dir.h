/*
 * dir.h - the directories that a walk still needs, and the bounded set of their descriptors.
 *
 * A directory is kept while something below it is to be walked: each child opens itself relative to its
 * parent, which makes paths longer than PATH_MAX, renames above, and long prefixes free of cost. Its
 * descriptor stays open as long as there is room; when there is none, the one opened longest ago is closed,
 * and opened again when a child asks for it, stepwise from the nearest ancestor that is open. What is
 * opened on the way is kept too, at the cost of what is older: coming up from a depth far beyond the limit,
 * one such descent serves about as many levels as descriptors may be open.
 *
 *     state    bits 0..30: users, who hold a pin; bit 31: OPEN, fd is valid
 *
 *     0          closed                                n          closed; n about to find that out
 *     OPEN       open, may be closed by anybody who    OPEN + n   open, in use: fd stays
 *                holds the lock, by compare-and-swap to 0
 *
 * A pin is one increment: when it finds OPEN, the descriptor is the caller's to use until it unpins; else it
 * is taken back. So a pin taken from OPEN keeps the word different from OPEN alone, and nobody closes it.
 * fd is written under the lock while OPEN is clear, before OPEN is set (release); who pins acquires.
 *
 * The lock protects the list of open directories; no system call is made under it. It is taken when a
 * directory with subdirectories is opened and when it is done with, not for each child.
 */
#ifndef WEFT_WALK_DIR_H
#define WEFT_WALK_DIR_H

#include "base/base.h"

struct walk_fds {
	uint32_t lock; /* leaf of the lock order */
	unsigned open; /* directories in the list */
	unsigned limit;
	struct walk_dir *newest;
	struct walk_dir *oldest;
};

struct walk_dir {
	struct walk_dir *parent; /* holds a reference; NULL: a root */
	uint32_t refs;
	uint32_t state;
	int fd;
	struct walk_dir *newer; /* in the list, under the lock */
	struct walk_dir *older;
	size_t depth;
	size_t prefix_len; /* length of this directory's path with the one '/' that ends it */
	size_t name_len;
	char name[]; /* relative to the parent, or a root's path; ends with a NUL */
};

/* Takes up to a quarter of the descriptors that the process may have. */
void weft__walk_fds_init(struct walk_fds *fds);

/*
 * Keeps a directory that was just opened as fd. parent NULL: a root, whose name is its path. The caller
 * gets a reference and a pin; the parent gains a reference. NULL: no memory, and nothing has changed.
 */
struct walk_dir *weft__walk_dir_keep(
	struct walk_fds *fds, struct walk_dir *parent, const char *name, size_t name_len, int fd);

/* Opens a child of parent, or a root (parent NULL): a descriptor, the caller's own, or a negative errno. */
int weft__walk_dir_open(struct walk_fds *fds, struct walk_dir *parent, const char *name);

/*
 * The directory's descriptor, valid until weft__walk_dir_unpin; or a negative errno, and then no pin is
 * held.
 */
int weft__walk_dir_pin(struct walk_fds *fds, struct walk_dir *dir);
void weft__walk_dir_unpin(struct walk_dir *dir);

void weft__walk_dir_ref(struct walk_dir *dir);
/* The last reference closes and frees it, and drops its own reference to the parent. NULL is fine. */
void weft__walk_dir_unref(struct walk_fds *fds, struct walk_dir *dir);

/* Writes the first prefix_len bytes of the paths below dir. */
void weft__walk_dir_prefix(const struct walk_dir *dir, char *path);

#endif /* WEFT_WALK_DIR_H */
