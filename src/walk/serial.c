/*
 * serial.c - the walk in order: pre-order, names bytewise, one visit after the other in the caller's thread.
 *
 * A directory is read whole, its entries are sorted, then visited one by one; a subdirectory is entered at
 * once. So the directories that have been read and not finished form one path: a stack of levels. Their
 * names lie one behind the other in one block of bytes, their items (sorted) in one array; leaving a level
 * gives its end of both back. Nothing is allocated for an entry, and the path of each level is the
 * beginning of the path of the next.
 *
 * A level keeps its directory (dir.h) when something in it may have to be opened or examined, else its
 * descriptor is closed once it was read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "walk/engine.h"

enum {
	FEW = 24, /* up to so many items are sorted in place */
	ITEMS_FIRST = 256,
	NAMES_FIRST = 16 * 1024,
	LEVELS_FIRST = 16
};

struct item {
	uint64_t key; /* the first 8 bytes of the name, the first one highest; 0 behind the end */
	size_t name;  /* offset in the block of names; ends with a NUL */
	uint32_t len;
	int type; /* as the kernel told */
};

struct level {
	struct walk_dir *dir; /* a reference; NULL when nothing in it needs it */
	size_t depth;
	size_t path_len;   /* of the directory itself */
	size_t prefix_len; /* with the '/' */
	size_t names;      /* where its names begin */
	size_t items;      /* where its items begin; the topmost level's end at n_items */
	size_t next;       /* the next item to visit */
};

struct serial {
	struct walker w;
	char *names;
	struct item *items;
	struct level *levels;
	size_t n_names, n_items, n_levels;
	size_t cap_names, cap_items, cap_levels;
};

/* Makes room for n more elements of an array that has `used` of *cap. The array, or NULL. */
static void *room(void *array, size_t *cap, size_t used, size_t n, size_t size, size_t first)
{
	size_t want = *cap == 0 ? first : *cap;

	if (likely(used + n <= *cap))
		return array;
	while (want < used + n)
		want *= 2;
	array = weft__walk_grow(array, want * size);
	if (array != NULL)
		*cap = want;
	return array;
}

static int compare(const struct item *a, const struct item *b, const char *names)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	/* The same 8 bytes; when the last of them is 0 both names end there. */
	return (a->key & 0xff) == 0 ? 0 : strcmp(names + a->name + 8, names + b->name + 8);
}

static int compare_for_qsort(const void *a, const void *b, void *names)
{
	return compare(a, b, names);
}

static void sort(struct item *items, size_t n, char *names)
{
	if (n > FEW) {
		qsort_r(items, n, sizeof *items, compare_for_qsort, names);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct item item = items[i];
		size_t to = i;
		for (; to > 0 && compare(&item, &items[to - 1], names) < 0; to--)
			items[to] = items[to - 1];
		items[to] = item;
	}
}

static uint64_t key_of(const char *name, size_t len)
{
	uint64_t key = 0;

	for (size_t i = 0; i < 8 && i < len; i++)
		key |= (uint64_t)(unsigned char)name[i] << (56 - 8 * i);
	return key;
}

static int add_item(struct serial *s, const struct walk_dent *dent)
{
	size_t len = strlen(dent->name);
	char *names = room(s->names, &s->cap_names, s->n_names, len + 1, 1, NAMES_FIRST);
	struct item *items;

	if (unlikely(names == NULL))
		return -ENOMEM;
	s->names = names;
	items = room(s->items, &s->cap_items, s->n_items, 1, sizeof *items, ITEMS_FIRST);
	if (unlikely(items == NULL))
		return -ENOMEM;
	s->items = items;
	memcpy(names + s->n_names, dent->name, len + 1);
	items[s->n_items++] = (struct item){
		.key = key_of(dent->name, len),
		.name = s->n_names,
		.len = (uint32_t)len,
		.type = walk_type(dent->type),
	};
	s->n_names += len + 1;
	return 0;
}

/*
 * Reads a directory to its end: its items stand behind those there were. *keep: one of them needs the
 * directory. 0, or -ENOMEM; *error: what ended the reading too early, or 0.
 */
static int read_all(struct serial *s, int fd, bool *keep, int *error)
{
	ssize_t n;

	*keep = false;
	while ((n = weft__walk_sys_read(fd, s->w.dents, WALK_DENTS_SIZE)) > 0) {
		const struct walk_dent *dent;
		for (ssize_t at = 0; at < n; at += dent->size) {
			int type;
			dent = (const struct walk_dent *)(const void *)(s->w.dents + at);
			if (walk_is_dots(dent->name))
				continue;
			if (unlikely(add_item(s, dent) < 0))
				return -ENOMEM;
			type = walk_type(dent->type);
			*keep |= type == WEFT_WALK_DIR || walk_needs_stat(s->w.walk, type);
		}
	}
	*error = (int)n;
	return 0;
}

static void leave(struct serial *s)
{
	struct level *level = &s->levels[--s->n_levels];

	s->n_names = level->names;
	s->n_items = level->items;
	weft__walk_dir_unref(&s->w.walk->fds, level->dir);
}

/*
 * Reads the directory whose path is in w->path, fd open, into the level. Takes the descriptor. 0 or
 * -ENOMEM.
 */
static int fill(
	struct serial *s, struct level *level, struct walk_dir *parent, size_t name_at, int fd, int *error)
{
	struct walk_fds *fds = &s->w.walk->fds;
	bool keep;
	int rc = read_all(s, fd, &keep, error);

	if (rc == 0 && keep) {
		level->dir =
			weft__walk_dir_keep(fds, parent, s->w.path + name_at, level->path_len - name_at, fd);
		if (level->dir != NULL) {
			weft__walk_dir_unpin(level->dir);
			return 0;
		}
		rc = -ENOMEM;
	}
	weft__walk_sys_close(fd);
	return rc;
}

/*
 * Goes into the directory that was just visited: its path is the first len bytes of w->path, its name
 * starts at name_at. parent NULL: a root. WEFT_WALK_STOP: the walk has ended; all else is for going on.
 */
static int enter(struct serial *s, struct walk_dir *parent, size_t depth, size_t name_at, size_t len)
{
	struct walker *w = &s->w;
	struct level *levels = room(s->levels, &s->cap_levels, s->n_levels, 1, sizeof *levels, LEVELS_FIRST);
	struct level *level;
	int fd, error, verdict;

	if (levels == NULL || walk_path_reserve(w, len + 2) < 0) {
		weft__walk_end(w->walk, -ENOMEM);
		return WEFT_WALK_STOP;
	}
	s->levels = levels;
	fd = weft__walk_dir_open(&w->walk->fds, parent, w->path + name_at);
	if (fd < 0)
		return weft__walk_visit_failed(w, name_at, len, depth, WEFT_WALK_OPEN, fd);

	level = &levels[s->n_levels++];
	*level = (struct level){
		.depth = depth, .path_len = len, .names = s->n_names, .items = s->n_items, .next = s->n_items
	};
	if (fill(s, level, parent, name_at, fd, &error) < 0) {
		weft__walk_end(w->walk, -ENOMEM);
		return WEFT_WALK_STOP;
	}
	if (error < 0) {
		verdict = weft__walk_visit_failed(w, name_at, len, depth, WEFT_WALK_READ, error);
		if (verdict != WEFT_WALK_CONTINUE) {
			leave(s);
			return verdict;
		}
	}
	sort(s->items + level->items, s->n_items - level->items, s->names);
	level->prefix_len = len;
	if (w->path[len - 1] != '/')
		w->path[level->prefix_len++] = '/';
	return WEFT_WALK_CONTINUE;
}

/* Visits one item of the topmost level, and goes into it when it is a directory. */
static int visit_item(struct serial *s, const struct item *item)
{
	struct walker *w = &s->w;
	struct level *level = &s->levels[s->n_levels - 1];
	size_t name_at = level->prefix_len;
	size_t len = name_at + item->len;
	int verdict;

	if (unlikely(walk_path_reserve(w, len + 1) < 0)) {
		weft__walk_end(w->walk, -ENOMEM);
		return WEFT_WALK_STOP;
	}
	memcpy(w->path + name_at, s->names + item->name, item->len + 1);
	w->entry.depth = level->depth + 1;
	w->entry.type = item->type;
	w->entry.size = -1;
	if (walk_needs_stat(w->walk, item->type)) {
		int fd = weft__walk_dir_pin(&w->walk->fds, level->dir);
		if (fd >= 0) {
			weft__walk_examine(w, fd, w->path + name_at, item->type);
			weft__walk_dir_unpin(level->dir);
		} else {
			w->entry.error = fd;
			w->entry.failed = WEFT_WALK_STAT;
		}
	}
	verdict = weft__walk_visit(w, name_at, len);
	w->entry.error = w->entry.failed = 0;
	if (verdict == WEFT_WALK_SKIP_DIR && w->entry.type != WEFT_WALK_DIR)
		level->next = s->n_items;
	if (verdict == WEFT_WALK_CONTINUE && w->entry.type == WEFT_WALK_DIR)
		verdict = enter(s, level->dir, level->depth + 1, name_at, len);
	return verdict;
}

static int walk_root(struct serial *s, const char *root)
{
	int verdict = weft__walk_visit_root(&s->w, root);

	if (verdict != WEFT_WALK_CONTINUE || s->w.entry.type != WEFT_WALK_DIR)
		return verdict;
	verdict = enter(s, NULL, 0, 0, s->w.entry.path_len);
	while (s->n_levels > 0 && verdict != WEFT_WALK_STOP) {
		struct level *level = &s->levels[s->n_levels - 1];
		if (level->next == s->n_items)
			leave(s);
		else
			verdict = visit_item(s, &s->items[level->next++]);
	}
	return verdict;
}

void weft__walk_serial(struct walk *walk)
{
	struct serial s = { .names = NULL };

	if (weft__walker_init(&s.w, walk, 0) < 0) {
		weft__walk_end(walk, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < walk->n_roots; i++)
		if (walk_root(&s, walk->roots[i]) == WEFT_WALK_STOP)
			break;
	while (s.n_levels > 0)
		leave(&s);
	free(s.names);
	free(s.items);
	free(s.levels);
	weft__walker_finish(&s.w);
}
