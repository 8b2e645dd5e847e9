/*
 * parallel.c - the walk by several workers.
 *
 * The work that is left is a set of names: subdirectories that were visited and not yet gone into. They are
 * kept in batches, each of one directory, and each worker has a stack of batches. A worker
 *
 *     takes the newest name of its own stack; when there is none, the next root; when there is none, it
 *     steals from the bottom of another worker's stack (the oldest batch, most likely the largest trees;
 *     half of it when it is the only one); when there is nothing to steal, it ends;
 *     reads the directory, visits its entries as they come, pushes its subdirectories on its own stack.
 *
 * Only a stack's owner pushes on it, and it does not end before its stack is empty: whatever is left always
 * belongs to a worker that runs. So nobody ever waits for work, and the walk is over when all have ended,
 * which the waitgroup tells the caller.
 *
 * A worker that has more than it needs starts another one as a task, as long as fewer than the bound run.
 * To wake a sleeping processor is the most expensive thing here by far, so it does so only with a stock
 * that will outlast the wake (SPAWN_STOCK names, or fewer when it is seen that each costs much), and those
 * who were started in vain make it hesitate (crew.reluctance).
 *
 * Slots: struct worker, with its buffers, belongs to one running worker or is in the list of idle slots,
 * under crew.lock. Who takes a slot sees all that its last user did.
 *
 * Locks: worker.lock protects that worker's stack; crew.lock the idle slots. Both are leaves, held for tens
 * of nanoseconds; a worker never holds two.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weft/sync.h>

#include "base/alloc.h"
#include "os/lock.h"
#include "walk/engine.h"

enum {
	BATCH_NAMES = 952,    /* bytes of names: with the rest a block that malloc caches by thread */
	SPAWN_STOCK = 8,      /* names that another worker is started for at once */
	SPAWN_ENTRIES = 1024, /* visits after which one name is enough */
	SPAWN_FEW = 4,        /* a worker that did no more directories than that was started in vain */
	RELUCTANCE_MAX = 256,
	YIELD_EVERY = 64 /* turns, about half a millisecond */
};

/* Names of subdirectories of one directory, each ending with a NUL. */
struct batch {
	struct batch *newer; /* in a stack, under its lock */
	struct batch *older;
	struct walk_dir *dir; /* a reference */
	size_t need;          /* room that the longest path of them takes, with the NUL */
	unsigned n;           /* names left */
	unsigned next;        /* where the first of them begins */
	unsigned end;         /* where the last of them ends */
	char names[];
};

struct worker {
	struct walker w;
	struct crew *crew;
	struct worker *next_idle; /* under crew.lock */
	struct walk_dir *at;      /* whose prefix w.path begins with; a reference, or NULL */
	struct batch *spare;      /* an empty batch, or NULL */
	unsigned done;            /* directories since this worker started */
	unsigned may_spawn;       /* value of done from which on another worker may be started */
	unsigned entries;         /* visits since it last did */
	bool in_task;             /* runs in a task, which yields to others */

	uint32_t lock CACHE_ALIGNED;
	unsigned pending; /* names in the stack; written under the lock, a hint for those without */
	struct batch *top;
	struct batch *bottom;
};

struct crew {
	struct walk *walk;
	struct worker *workers;
	unsigned n;
	weft_waitgroup_t tasks;
	size_t next_root;
	unsigned reluctance; /* directories to be done between two starts; a hint, any value is right */
	unsigned active;     /* workers that run; written under the lock, a hint for those without */
	uint32_t lock;
	struct worker *idle; /* slots that no worker uses */
};

/* A directory while it is read. */
struct reading {
	struct worker *me;
	struct walk_dir *parent;
	struct walk_dir *dir; /* once it is known to have a subdirectory: reference and pin */
	struct batch *batch;  /* subdirectories that are not on the stack yet */
	size_t name_at, len;  /* of its path in w.path */
	size_t prefix_len;
	size_t depth;
	int fd;
};

/* ---- batches ---- */

static struct batch *batch_new(struct worker *me, struct walk_dir *dir, size_t size)
{
	struct batch *b = me->spare;

	if (b != NULL && size <= BATCH_NAMES)
		me->spare = NULL;
	else
		b = weft__walk_grow(NULL, sizeof *b + (size > BATCH_NAMES ? size : BATCH_NAMES));
	if (b == NULL)
		return NULL;
	memset(b, 0, sizeof *b);
	b->dir = dir;
	if (dir != NULL)
		weft__walk_dir_ref(dir);
	return b;
}

static void batch_free(struct worker *me, struct batch *b)
{
	weft__walk_dir_unref(&me->w.walk->fds, b->dir);
	free(b);
}

static void batch_add(struct batch *b, const char *name, size_t len)
{
	size_t need = b->dir->prefix_len + len + 1;

	memcpy(b->names + b->end, name, len + 1);
	b->end += (unsigned)len + 1;
	b->n++;
	if (b->need < need)
		b->need = need;
}

/* Moves the first half of the names to an empty batch. */
static void batch_split(struct batch *from, struct batch *to)
{
	unsigned half = (from->n + 1) / 2;
	unsigned cut = from->next;

	for (unsigned i = 0; i < half; i++)
		cut += (unsigned)strlen(from->names + cut) + 1;
	to->n = half;
	to->end = cut - from->next;
	to->need = from->need;
	memcpy(to->names, from->names + from->next, to->end);
	from->n -= half;
	from->next = cut;
	to->dir = from->dir;
	weft__walk_dir_ref(to->dir);
}

/* Under the stack's lock. */
static void unlink_batch(struct worker *owner, struct batch *b)
{
	if (b->newer != NULL)
		b->newer->older = b->older;
	else
		owner->top = b->older;
	if (b->older != NULL)
		b->older->newer = b->newer;
	else
		owner->bottom = b->newer;
}

static void push(struct worker *me, struct batch *b)
{
	lock_acquire(&me->lock);
	b->newer = NULL;
	b->older = me->top;
	if (me->top != NULL)
		me->top->newer = b;
	else
		me->bottom = b;
	me->top = b;
	at_store(&me->pending, me->pending + b->n, RELAXED);
	lock_release(&me->lock);
}

/* Makes dir the directory whose prefix stands in w.path. Takes the reference. */
static void move_to(struct worker *me, struct walk_dir *dir)
{
	weft__walk_dir_unref(&me->w.walk->fds, me->at);
	me->at = dir;
	if (dir != NULL)
		weft__walk_dir_prefix(dir, me->w.path);
}

/*
 * Takes the newest name from the own stack: its path is the first *len bytes of w.path, its directory is
 * me->at. False: the stack is empty, or the walk was ended for want of memory.
 */
static bool take(struct worker *me, size_t *len)
{
	struct walk_dir *dir;
	struct batch *b;
	const char *name;
	size_t name_len;
	bool moved, last;

	for (;;) {
		size_t need;
		lock_acquire(&me->lock);
		b = me->top;
		if (b == NULL || likely(b->need <= me->w.path_cap))
			break;
		need = b->need;
		lock_release(&me->lock);
		if (weft__walk_path_grow(&me->w, need) < 0) {
			weft__walk_end(me->w.walk, -ENOMEM);
			return false;
		}
	}
	if (b == NULL) {
		lock_release(&me->lock);
		return false;
	}
	dir = b->dir;
	name = b->names + b->next;
	name_len = strlen(name);
	ASSERT(dir->prefix_len + name_len < me->w.path_cap);
	memcpy(me->w.path + dir->prefix_len, name, name_len + 1);
	b->next += (unsigned)name_len + 1;
	last = --b->n == 0;
	if (last)
		unlink_batch(me, b);
	at_store(&me->pending, me->pending - 1, RELAXED);
	moved = dir != me->at;
	if (moved)
		weft__walk_dir_ref(dir);
	lock_release(&me->lock);

	if (moved)
		move_to(me, dir);
	if (last)
		batch_free(me, b);
	*len = dir->prefix_len + name_len;
	return true;
}

/* Moves a batch, or half of one, from another worker's stack to the own. False: there is none. */
static bool steal_from(struct worker *me, struct worker *victim)
{
	struct batch *b;

	if (at_load(&victim->pending, RELAXED) == 0)
		return false;
	if (me->spare == NULL)
		me->spare = batch_new(me, NULL, 0);
	lock_acquire(&victim->lock);
	b = victim->bottom;
	if (b != NULL && b == victim->top && b->n > 1) {
		struct batch *half = me->spare;
		if (half != NULL)
			batch_split(b, half);
		me->spare = NULL;
		b = half;
	} else if (b != NULL) {
		unlink_batch(victim, b);
	}
	if (b != NULL)
		at_store(&victim->pending, victim->pending - b->n, RELAXED);
	lock_release(&victim->lock);
	if (b != NULL)
		push(me, b);
	return b != NULL;
}

static bool steal(struct worker *me)
{
	struct crew *crew = me->crew;
	unsigned self = me->w.entry.worker;

	for (unsigned i = 1; i < crew->n; i++)
		if (steal_from(me, &crew->workers[(self + i) % crew->n]))
			return true;
	return false;
}

/* ---- slots ---- */

static struct worker *slot_take(struct crew *crew)
{
	struct worker *slot;

	lock_acquire(&crew->lock);
	slot = crew->idle;
	if (slot != NULL) {
		crew->idle = slot->next_idle;
		at_store(&crew->active, crew->active + 1, RELAXED);
	}
	lock_release(&crew->lock);
	return slot;
}

static void slot_give(struct crew *crew, struct worker *slot)
{
	lock_acquire(&crew->lock);
	slot->next_idle = crew->idle;
	crew->idle = slot;
	at_store(&crew->active, crew->active - 1, RELAXED);
	lock_release(&crew->lock);
}

static void work_as_task(void *arg);

/* Starts another worker if one is missing and there is enough for it. */
static void spawn(struct worker *me)
{
	struct crew *crew = me->crew;
	size_t stock = at_load(&me->pending, RELAXED);
	size_t root = at_load(&crew->next_root, RELAXED);
	struct worker *slot;

	if (root < crew->walk->n_roots)
		stock += crew->walk->n_roots - root;
	if (stock == 0 || (stock < SPAWN_STOCK && me->entries < SPAWN_ENTRIES) || me->done < me->may_spawn)
		return;
	slot = slot_take(crew);
	if (slot == NULL)
		return;
	me->entries = 0;
	me->may_spawn = me->done + at_load(&crew->reluctance, RELAXED);
	if (weft_waitgroup_go(&crew->tasks, work_as_task, slot) < 0) {
		/*
		 * No memory or no thread for it: this worker does the work, and asks again a good deal
		 * later.
		 */
		slot_give(crew, slot);
		me->may_spawn = me->done + RELUCTANCE_MAX;
	}
}

static void maybe_spawn(struct worker *me)
{
	if (at_load(&me->crew->active, RELAXED) < me->crew->n)
		spawn(me);
}

/* ---- reading a directory ---- */

/* Notes a subdirectory, which was visited, for later. */
static int add_subdirectory(struct reading *r, const char *name, size_t name_len)
{
	struct walker *w = &r->me->w;

	if (r->dir == NULL) {
		r->dir = weft__walk_dir_keep(
			&w->walk->fds, r->parent, w->path + r->name_at, r->len - r->name_at, r->fd);
		if (r->dir == NULL)
			return -ENOMEM;
	}
	if (r->batch != NULL && r->batch->end + name_len + 1 > BATCH_NAMES) {
		push(r->me, r->batch);
		r->batch = NULL;
	}
	if (r->batch == NULL)
		r->batch = batch_new(r->me, r->dir, name_len + 1);
	if (r->batch == NULL)
		return -ENOMEM;
	batch_add(r->batch, name, name_len);
	return 0;
}

/* One entry. False: no more of this directory. */
static bool visit_entry(struct reading *r, const struct walk_dent *dent)
{
	struct walker *w = &r->me->w;
	size_t name_len = strlen(dent->name);
	size_t len = r->prefix_len + name_len;
	int type = walk_type(dent->type);
	int verdict;

	if (unlikely(walk_path_reserve(w, len + 1) < 0)) {
		weft__walk_end(w->walk, -ENOMEM);
		return false;
	}
	memcpy(w->path + r->prefix_len, dent->name, name_len);
	w->entry.depth = r->depth + 1;
	w->entry.type = type;
	w->entry.size = -1;
	if (walk_needs_stat(w->walk, type))
		weft__walk_examine(w, r->fd, dent->name, type);
	verdict = weft__walk_visit(w, r->prefix_len, len);
	w->entry.error = w->entry.failed = 0;
	if (w->entry.type != WEFT_WALK_DIR)
		return likely(verdict == WEFT_WALK_CONTINUE);
	if (verdict == WEFT_WALK_CONTINUE && add_subdirectory(r, dent->name, name_len) < 0) {
		weft__walk_end(w->walk, -ENOMEM);
		return false;
	}
	return verdict != WEFT_WALK_STOP;
}

/* Reads and visits until the end of the directory, or what ends it before. 0, or why it could not be read. */
static int read_entries(struct reading *r)
{
	struct worker *me = r->me;
	ssize_t n;

	while ((n = weft__walk_sys_read(r->fd, me->w.dents, WALK_DENTS_SIZE)) > 0) {
		const struct walk_dent *dent;
		for (ssize_t at = 0; at < n; at += dent->size) {
			dent = (const struct walk_dent *)(const void *)(me->w.dents + at);
			if (walk_is_dots(dent->name))
				continue;
			me->entries++;
			if (!visit_entry(r, dent))
				return 0;
		}
		maybe_spawn(me);
	}
	return (int)n;
}

/*
 * Goes into the directory whose path is the first len bytes of w.path, the name from name_at. parent NULL: a
 * root.
 */
static void enter(struct worker *me, struct walk_dir *parent, size_t name_at, size_t len)
{
	struct walker *w = &me->w;
	struct walk_fds *fds = &w->walk->fds;
	struct reading r = {
		.me = me,
		.parent = parent,
		.name_at = name_at,
		.len = len,
		.prefix_len = len,
		.depth = parent != NULL ? parent->depth + 1 : 0,
	};
	int error;

	me->done++;
	r.fd = weft__walk_dir_open(fds, parent, w->path + name_at);
	if (r.fd < 0) {
		weft__walk_visit_failed(w, name_at, len, r.depth, WEFT_WALK_OPEN, r.fd);
		return;
	}
	if (w->path[len - 1] != '/')
		w->path[r.prefix_len++] = '/';
	error = read_entries(&r);
	if (error < 0)
		weft__walk_visit_failed(w, name_at, len, r.depth, WEFT_WALK_READ, error);
	if (r.batch != NULL)
		push(me, r.batch);
	if (r.dir != NULL) {
		weft__walk_dir_unpin(r.dir);
		weft__walk_dir_unref(fds, r.dir);
	} else {
		weft__walk_sys_close(r.fd);
	}
	maybe_spawn(me);
}

/* ---- workers ---- */

/* Takes a root that nobody has walked, if there is one, and walks it. False: there is none. */
static bool walk_root(struct worker *me)
{
	struct walk *walk = me->w.walk;
	size_t i;

	if (at_load(&me->crew->next_root, RELAXED) >= walk->n_roots)
		return false;
	i = at_add(&me->crew->next_root, 1, RELAXED);
	if (i >= walk->n_roots)
		return false;
	move_to(me, NULL);
	if (weft__walk_visit_root(&me->w, walk->roots[i]) == WEFT_WALK_CONTINUE &&
		me->w.entry.type == WEFT_WALK_DIR)
		enter(me, NULL, 0, me->w.entry.path_len);
	return true;
}

/* Works until nothing is left to take, and gives the slot back. How many directories it has done. */
static unsigned work(struct worker *me)
{
	struct crew *crew = me->crew;
	unsigned turns = 0, done;
	size_t len;

	me->done = me->may_spawn = me->entries = 0;
	me->in_task = weft_task_id() != 0;
	while (!at_load(&crew->walk->stopped, RELAXED)) {
		if (take(me, &len))
			enter(me, me->at, me->at->prefix_len, len);
		else if (!walk_root(me) && !steal(me))
			break;
		if (++turns % YIELD_EVERY == 0 && me->in_task)
			weft_yield();
	}
	move_to(me, NULL);
	done = me->done;
	slot_give(crew, me);
	return done;
}

static void work_as_task(void *arg)
{
	struct worker *me = arg;
	struct crew *crew = me->crew;
	unsigned reluctance = at_load(&crew->reluctance, RELAXED);

	if (me->w.path == NULL && weft__walker_init(&me->w, crew->walk, (unsigned)(me - crew->workers)) < 0) {
		/* The others do the work. */
		at_store(&crew->reluctance, RELUCTANCE_MAX, RELAXED);
		slot_give(crew, me);
		return;
	}
	if (work(me) > SPAWN_FEW)
		at_store(&crew->reluctance, reluctance / 2, RELAXED);
	else if (reluctance < RELUCTANCE_MAX)
		at_store(&crew->reluctance, reluctance * 2 + 1, RELAXED);
}

static void crew_finish(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++) {
		struct worker *worker = &crew->workers[i];
		struct batch *b;
		while ((b = worker->top) != NULL) {
			unlink_batch(worker, b);
			batch_free(worker, b);
		}
		free(worker->spare);
		weft__walker_finish(&worker->w);
	}
	weft__free(crew->workers);
}

void weft__walk_parallel(struct walk *walk, unsigned workers)
{
	struct crew crew = { .walk = walk, .n = workers };
	struct worker *me;

	crew.workers = weft__alloc(workers * sizeof *crew.workers);
	if (crew.workers == NULL || weft__walker_init(&crew.workers[0].w, walk, 0) < 0) {
		weft__walk_end(walk, -ENOMEM);
		weft__free(crew.workers);
		return;
	}
	for (unsigned i = workers; i-- > 0;) {
		crew.workers[i].crew = &crew;
		crew.workers[i].w.walk = walk;
		crew.workers[i].next_idle = crew.idle;
		crew.idle = &crew.workers[i];
	}
	me = slot_take(&crew);
	work(me);
	weft_waitgroup_wait(&crew.tasks);
	crew_finish(&crew);
}
