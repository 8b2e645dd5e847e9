/* walk.c - the public call, and what the serial and the parallel walk share. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "walk/engine.h"

enum { PATH_FIRST = 4096 };

void *weft__walk_grow(void *old, size_t size)
{
	if (weft__alloc_must_fail())
		return NULL;
	return realloc(old, size);
}

int weft__walk_path_grow(struct walker *w, size_t size)
{
	size_t cap = w->path_cap;
	char *path;

	while (cap < size)
		cap *= 2;
	path = weft__walk_grow(w->path, cap);
	if (path == NULL)
		return -ENOMEM;
	w->path = path;
	w->path_cap = cap;
	return 0;
}

int weft__walker_init(struct walker *w, struct walk *walk, unsigned index)
{
	memset(w, 0, sizeof *w);
	w->walk = walk;
	w->entry.worker = index;
	w->path = weft__walk_grow(NULL, PATH_FIRST);
	w->path_cap = PATH_FIRST;
	w->dents = weft__walk_grow(NULL, WALK_DENTS_SIZE);
	if (w->path != NULL && w->dents != NULL)
		return 0;
	weft__walker_finish(w);
	return -ENOMEM;
}

void weft__walker_finish(struct walker *w)
{
	free(w->path);
	free(w->dents);
	w->path = w->dents = NULL;
}

void weft__walk_end(struct walk *walk, int result)
{
	unsigned expected = 0;

	/* Relaxed: the result is read after all walkers were joined, the flag only says "do no more". */
	if (at_cas(&walk->stopped, &expected, 1, RELAXED, RELAXED))
		at_store(&walk->result, result, RELAXED);
}

int weft__walk_visit(struct walker *w, size_t name_at, size_t len)
{
	struct walk *walk = w->walk;
	int verdict;

	if (unlikely(at_load(&walk->stopped, RELAXED)))
		return WEFT_WALK_STOP;
	if (walk->stop != NULL && unlikely(at_load(walk->stop, RELAXED) != 0)) {
		weft__walk_end(walk, -ECANCELED);
		return WEFT_WALK_STOP;
	}
	w->path[len] = '\0';
	w->entry.path = w->path;
	w->entry.path_len = len;
	w->entry.name = w->path + name_at;
	verdict = walk->fn(&w->entry, walk->arg);
	if (likely(verdict == WEFT_WALK_CONTINUE) || verdict == WEFT_WALK_SKIP_DIR)
		return verdict;
	weft__walk_end(walk, verdict == WEFT_WALK_STOP ? 0 : verdict < 0 ? verdict : -EINVAL);
	return WEFT_WALK_STOP;
}

int weft__walk_visit_failed(struct walker *w, size_t name_at, size_t len, size_t depth, int failed, int error)
{
	int verdict;

	w->entry.depth = depth;
	w->entry.type = WEFT_WALK_DIR;
	w->entry.size = -1;
	w->entry.error = error;
	w->entry.failed = failed;
	verdict = weft__walk_visit(w, name_at, len);
	w->entry.error = w->entry.failed = 0;
	return verdict;
}

void weft__walk_examine(struct walker *w, int dirfd, const char *name, int type)
{
	weft_walk_entry_t *entry = &w->entry;
	int error;

	entry->type = type;
	entry->size = -1;
	error = weft__walk_sys_stat(dirfd, name, &entry->type, &entry->size);
	entry->error = error < 0 ? error : 0;
	entry->failed = error < 0 ? WEFT_WALK_STAT : 0;
}

int weft__walk_visit_root(struct walker *w, const char *root)
{
	size_t len = strlen(root);
	int verdict;

	if (walk_path_reserve(w, len + 1) < 0) {
		weft__walk_end(w->walk, -ENOMEM);
		return WEFT_WALK_STOP;
	}
	memcpy(w->path, root, len);
	w->entry.depth = 0;
	weft__walk_examine(w, AT_FDCWD, root, WEFT_WALK_UNKNOWN);
	verdict = weft__walk_visit(w, 0, len);
	w->entry.error = w->entry.failed = 0;
	return verdict;
}

int weft_walk(
	const char *const *roots, size_t n, const weft_walk_options_t *options, weft_walk_fn_t *fn, void *arg)
{
	static const weft_walk_options_t none = { .size = sizeof none };
	struct walk walk = { .roots = roots, .n_roots = n, .fn = fn, .arg = arg };

	if (options == NULL)
		options = &none;
	if (options->size != sizeof *options || options->flags & ~(WEFT_WALK_SIZE | WEFT_WALK_CONCURRENT) ||
		options->workers > WEFT_WALK_WORKERS_MAX ||
		(options->workers > 1 && !(options->flags & WEFT_WALK_CONCURRENT)))
		return -EINVAL;
	walk.flags = options->flags;
	walk.stop = options->stop;
	weft__walk_fds_init(&walk.fds);
	if (options->workers > 1)
		weft__walk_parallel(&walk, options->workers);
	else
		weft__walk_serial(&walk);
	return walk.result;
}
