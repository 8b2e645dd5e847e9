/*
 * engine.h - what the serial and the parallel walk share: the walk, a walker, and a visit.
 */
#ifndef WEFT_WALK_ENGINE_H
#define WEFT_WALK_ENGINE_H

#include <weft/walk.h>

#include "base/atomic.h"
#include "base/base.h"
#include "walk/dir.h"
#include "walk/sys.h"

/* One read of a directory; most directories fit. */
enum { WALK_DENTS_SIZE = 64 * 1024 };

struct walk {
	const char *const *roots;
	size_t n_roots;
	weft_walk_fn_t *fn;
	void *arg;
	unsigned flags;
	const int *stop;
	unsigned stopped; /* set once, with result; looked at before each visit */
	int result;       /* written by who sets stopped, read when all walkers have ended */
	struct walk_fds fds;
};

/* One who visits: owned by one thread or task at a time. */
struct walker {
	struct walk *walk;
	char *path;
	size_t path_cap;
	char *dents; /* WALK_DENTS_SIZE bytes, aligned for struct walk_dent */
	weft_walk_entry_t entry;
};

/* All returns below: 0 or -ENOMEM, where nothing else is said. */

int weft__walker_init(struct walker *w, struct walk *walk, unsigned index);
void weft__walker_finish(struct walker *w);

/* (Re)allocates; asks the allocation failure seam. NULL: no memory, the old block stands. */
void *weft__walk_grow(void *old, size_t size);
int weft__walk_path_grow(struct walker *w, size_t size);

/* Ends the walk with this result, unless it was ended before. */
COLD void weft__walk_end(struct walk *walk, int result);

/*
 * Calls the callback with w->entry, whose type, size, error, failed and depth the caller has set. The path
 * is the first len bytes of w->path (room for a NUL behind), the name starts at name_at. Returns
 * WEFT_WALK_CONTINUE, _SKIP_DIR or _STOP; with _STOP the walk has been ended.
 */
int weft__walk_visit(struct walker *w, size_t name_at, size_t len);

/* The second visit of a directory: it could not be opened or read. */
COLD int weft__walk_visit_failed(
	struct walker *w, size_t name_at, size_t len, size_t depth, int failed, int error);

/*
 * Puts a root into w->path and visits it: as weft__walk_visit; w->entry.type says whether to go on into it.
 */
int weft__walk_visit_root(struct walker *w, const char *root);

/* As many walkers as asked for, more than 1. The caller is one of them. */
void weft__walk_parallel(struct walk *walk, unsigned workers);
void weft__walk_serial(struct walk *walk);

/* Room for `size` bytes in w->path. */
ALWAYS_INLINE int walk_path_reserve(struct walker *w, size_t size)
{
	return likely(size <= w->path_cap) ? 0 : weft__walk_path_grow(w, size);
}

/* The type that the kernel told with the name. */
ALWAYS_INLINE int walk_type(uint8_t dent_type)
{
	/* By DT_; those that are even have a name, whiteouts at the end count as others. */
	static const uint8_t types[16] = {
		WEFT_WALK_UNKNOWN,
		WEFT_WALK_FIFO,
		WEFT_WALK_CHAR,
		WEFT_WALK_OTHER,
		WEFT_WALK_DIR,
		WEFT_WALK_OTHER,
		WEFT_WALK_BLOCK,
		WEFT_WALK_OTHER,
		WEFT_WALK_FILE,
		WEFT_WALK_OTHER,
		WEFT_WALK_LINK,
		WEFT_WALK_OTHER,
		WEFT_WALK_SOCKET,
		WEFT_WALK_OTHER,
		WEFT_WALK_OTHER,
		WEFT_WALK_OTHER,
	};

	return types[dent_type & 15];
}

/* True when an entry must be examined before its visit. */
ALWAYS_INLINE bool walk_needs_stat(const struct walk *walk, int type)
{
	return type == WEFT_WALK_UNKNOWN || (type == WEFT_WALK_FILE && walk->flags & WEFT_WALK_SIZE);
}

ALWAYS_INLINE bool walk_is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Asks the system for type and size of a name in dirfd: sets type, size, error and failed of w->entry. */
void weft__walk_examine(struct walker *w, int dirfd, const char *name, int type);

#endif /* WEFT_WALK_ENGINE_H */
