/*
 * stack.c - stacks for tasks: cut from arenas, committed by page, guarded, kept warm, given back.
 *
 * A class is a power of two from 16 KiB to 1 GiB. Each class has arenas: ranges of reserved address space
 * that hold a number of stacks side by side, doubling from 4 MiB up to 256 MiB of stacks, so that a million
 * stacks are a few hundred arenas and, being alike, few map entries. Memory is used where a stack is touched:
 * one page for most tasks.
 *
 *   |guard| ... untouched ... | frames <- | color |  the next stack: |guard| ...
 *   base                                          base + size
 *
 * Guard. The lowest page of each stack:
 *   madvise    MADV_GUARD_INSTALL: faults, costs no map entry (Linux 6.13)
 *   mprotect   faults, costs two map entries; used for at most a quarter of vm.max_map_count, the rest gets
 *   canary     the lowest words must stay zero, as the kernel gave them; looked at when the task parks or
 *              ends. Reading them maps the shared zero page, so a canary costs no memory
 * A frame larger than the page could step over it: weft is built with -fstack-clash-protection, programs
 * should be.
 *
 * Color. All stacks end at the same offset in a page; without help the hot lines of all tasks would fall into
 * the same few sets of the first-level cache. So the stacks of an arena start 0 to 896 bytes lower in turn.
 *
 * Free stacks wait, last in first out, in the processor (default class only) or in the class: `dirty` may
 * hold memory, `clean` has none that was used. The monitor comes by each second while there are many dirty
 * ones: of those that nobody needed in that second half are given back, all once they are few. Guards survive
 * that.
 *
 * Everything in `shelves`, and how far an arena is cut, is protected by `lock`; the list of arenas is only
 * ever prepended to (release) and is read without it (acquire), also from the fault handler.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

enum {
	ARENA_FIRST = 4 << 20,
	ARENA_LAST = 256 << 20,
	CARVE = CHAOS ? 2 : 32, /* stacks that are cut and guarded together */
	CACHE_REFILL = CHAOS ? 1 : 16,
	KEEP_DIRTY = 64, /* per class; never given back by the scavenger */
	SCAVENGE_BATCH = 128,
	CANARY_WORDS = 8,
	HOT_LINES = 10 /* cache lines that a task touches at the top of its stack */
};

struct arena {
	struct arena *next;
	char *base;
	uint32_t class, total, used; /* stacks: in all, cut so far */
	struct weft__stack *stacks;
};

struct shelf {
	struct weft__stack *dirty, *clean;
	size_t ndirty, nclean;
	size_t least;        /* fewest dirty ones since the scavenger came by: nobody needed these */
	struct arena *arena; /* the one that is being cut */
};

static uint32_t lock;
static struct shelf shelves[STACK_CLASSES];
static struct arena *arenas; /* atomic head */
static uint64_t cut;         /* atomic, written under lock */
uint32_t weft__guard_mode;   /* atomic, written under lock: what new stacks get first */
static size_t protect_left;
static weft_time_t scavenge_at = WEFT_NEVER;

uint8_t weft__stack_default = 2;

void weft__stack_setup(void)
{
	const char *env = getenv("WEFT_GUARD");

	while (((size_t)1 << (STACK_MIN_SHIFT + weft__stack_default)) < weft__os_page_size() * 4)
		weft__stack_default++;
	protect_left = weft__os_map_limit() / 4;
	weft__guard_mode = GUARD_MADVISE;
	if (env == NULL || *env == '\0' || strcmp(env, "madvise") == 0)
		return;
	if (strcmp(env, "mprotect") == 0)
		weft__guard_mode = GUARD_MPROTECT;
	else if (strcmp(env, "canary") == 0)
		weft__guard_mode = GUARD_CANARY;
	else
		weft__warn("WEFT_GUARD=%s is none of madvise, mprotect, canary; using madvise", env);
}

/* Guards n fresh stacks that lie side by side. */
static void install_guards(struct weft__stack *s, uint32_t n)
{
	size_t page = weft__os_page_size();
	size_t size = stack_size(s);

	if (at_load(&weft__guard_mode, RELAXED) == GUARD_MADVISE) {
		if (weft__os_guard_install(s->base, page, size, n) == 0) {
			for (uint32_t i = 0; i < n; i++)
				s[i].guard = GUARD_MADVISE;
			return;
		}
		/* A canary is read: what was installed before the failure must go. */
		for (uint32_t i = 0; i < n; i++)
			weft__os_guard_remove(s[i].base, page);
		at_store(&weft__guard_mode, GUARD_MPROTECT, RELAXED);
	}
	lock_acquire(&lock);
	for (uint32_t i = 0; i < n; i++) {
		s[i].guard = GUARD_CANARY;
		if (at_load(&weft__guard_mode, RELAXED) != GUARD_MPROTECT)
			continue;
		if (protect_left > 0 && weft__os_guard_protect(s[i].base, page) == 0) {
			s[i].guard = GUARD_MPROTECT;
			protect_left--;
		} else {
			at_store(&weft__guard_mode, GUARD_CANARY, RELAXED);
		}
	}
	lock_release(&lock);
}

static struct arena *arena_new(uint32_t class, const struct arena *last)
{
	size_t size = (size_t)1 << (STACK_MIN_SHIFT + class);
	size_t bytes = last == NULL ? ARENA_FIRST : (size_t)last->total * size * 2;
	struct arena *a;

	if (bytes > ARENA_LAST)
		bytes = ARENA_LAST;
	if (bytes < size)
		bytes = size;
	for (;; bytes /= 2) {
		if (bytes < size)
			return NULL;
		a = weft__alloc(sizeof *a + bytes / size * sizeof *a->stacks);
		if (a == NULL)
			return NULL;
		a->base = weft__os_reserve(bytes, 2 << 20);
		if (a->base != NULL)
			break;
		/* Where overcommit is off, a smaller piece may still fit. */
		weft__free(a);
	}
	weft__os_small_pages(a->base, bytes);
	a->class = class;
	a->total = (uint32_t)(bytes / size);
	a->stacks = (struct weft__stack *)(a + 1);
	a->next = at_load(&arenas, RELAXED);
	at_store(&arenas, a, RELEASE); /* pairs with weft__stack_find */
	return a;
}

/* Cuts up to CARVE stacks from the class's arena; they still have to be furnished. Requires lock. */
static struct weft__stack *cut_some(uint32_t class, uint32_t *n)
{
	struct shelf *c = &shelves[class];
	size_t size = (size_t)1 << (STACK_MIN_SHIFT + class);
	struct arena *a = c->arena;
	struct weft__stack *first;

	if (a == NULL || a->used == a->total) {
		a = arena_new(class, a);
		if (a == NULL)
			return NULL;
		c->arena = a;
	}
	*n = a->total - a->used;
	if (*n > CARVE)
		*n = CARVE;
	first = &a->stacks[a->used];
	for (uint32_t i = 0; i < *n; i++) {
		first[i].base = a->base + (size_t)(a->used + i) * size;
		first[i].class = class;
		first[i].color = (uint16_t)((a->used + i) % 8 * 128);
		first[i].next = i + 1 < *n ? &first[i + 1] : NULL;
	}
	a->used += *n;
	at_bump(&cut, *n);
	return first;
}

/*
 * Guards fresh stacks. A program that has used up its first arena needs many: then the page that each task
 * touches for sure is committed too, which costs less together than one by one. Without the lock: the
 * system calls take their time.
 */
static void furnish(struct weft__stack *first, uint32_t n)
{
	size_t page = weft__os_page_size();
	size_t size = stack_size(first);

	for (uint32_t i = 0; i < n; i++)
		san_stack_created(first[i].base, first[i].base + size - 1);
	install_guards(first, n);
	if (n > 1 && at_load(&cut, RELAXED) > ARENA_FIRST / size)
		weft__os_commit(first->base + size - page, page, size, n);
}

static struct weft__stack *pop(struct shelf *c)
{
	struct weft__stack *s = c->dirty;

	if (s != NULL) {
		c->dirty = s->next;
		if (--c->ndirty < c->least)
			c->least = c->ndirty;
	} else if ((s = c->clean) != NULL) {
		c->clean = s->next;
		c->nclean--;
	}
	return s;
}

/* Moves free stacks of the class to the processor's cache. Requires lock. */
static void refill(struct weft__proc *p, struct shelf *c)
{
	struct weft__stack *s;

	for (int i = 0; i < CACHE_REFILL && (s = pop(c)) != NULL; i++) {
		s->next = p->free_stacks;
		p->free_stacks = s;
		at_bump(&p->nfree_stacks, 1);
	}
}

static NOINLINE struct weft__stack *get_shared(struct weft__proc *p, uint32_t class)
{
	struct shelf *c = &shelves[class];
	bool cached = p != NULL && class == weft__stack_default;
	struct weft__stack *s;
	uint32_t n = 0;

	lock_acquire(&lock);
	s = pop(c);
	if (s == NULL)
		s = cut_some(class, &n);
	else if (cached)
		refill(p, c);
	lock_release(&lock);
	if (n == 0)
		return s;
	furnish(s, n);
	if (n > 1 && cached) {
		p->free_stacks = s->next;
		at_store(&p->nfree_stacks, n - 1, RELAXED);
	} else if (n > 1) {
		lock_acquire(&lock);
		s[n - 1].next = c->clean;
		c->clean = s->next;
		c->nclean += n - 1;
		lock_release(&lock);
	}
	return s;
}

struct weft__stack *weft__stack_get(struct weft__proc *p, uint32_t class)
{
	if (p != NULL && class == weft__stack_default && p->free_stacks != NULL) {
		struct weft__stack *s = p->free_stacks;
		p->free_stacks = s->next;
		at_bump(&p->nfree_stacks, -1u);
		/*
		 * Where tasks start and block, the next one is needed soon, and is cold when there are many.
		 */
		if (s->next != NULL)
			for (int i = 1; i <= HOT_LINES; i++)
				__builtin_prefetch(stack_top(s->next) - i * CACHE_LINE, 1);
		return s;
	}
	return get_shared(p, class);
}

static NOINLINE void put_shared(struct weft__stack *first, struct weft__stack *last, size_t n)
{
	struct shelf *c = &shelves[first->class];

	lock_acquire(&lock);
	last->next = c->dirty;
	c->dirty = first;
	c->ndirty += n;
	if (c->ndirty > KEEP_DIRTY && scavenge_at == WEFT_NEVER)
		at_store(&scavenge_at, weft__os_now() + WEFT_S(1), RELAXED);
	lock_release(&lock);
}

void weft__stack_put(struct weft__proc *p, struct weft__stack *s)
{
	at_store(&s->task, NULL, RELAXED);
	if (p == NULL || s->class != weft__stack_default) {
		put_shared(s, s, 1);
		return;
	}
	s->next = p->free_stacks;
	p->free_stacks = s;
	at_bump(&p->nfree_stacks, 1);
	if (p->nfree_stacks > STACK_CACHE) {
		/* The older half goes. */
		struct weft__stack *last = s, *first;
		for (int i = 1; i < STACK_CACHE / 2; i++)
			last = last->next;
		first = last->next;
		last->next = NULL;
		last = first;
		while (last->next != NULL)
			last = last->next;
		put_shared(first, last, p->nfree_stacks - STACK_CACHE / 2);
		at_store(&p->nfree_stacks, STACK_CACHE / 2, RELAXED);
	}
}

static COLD void canary_is_dead(const struct weft__stack *s)
{
	const struct weft__task *t = at_load(&s->task, RELAXED);

	if (t == NULL)
		weft__die("stack overflow found after the fact: a stack of %zu bytes", stack_size(s));
	weft__die("stack overflow found after the fact: task %llu%s%s%s has used more than its stack of %zu "
		  "bytes, created at %s",
		(unsigned long long)t->id, *task_name(t) ? " \"" : "", task_name(t),
		*task_name(t) ? "\"" : "", stack_size(s), t->site);
}

__attribute__((no_sanitize("address", "thread"))) void weft__canary_check(const struct weft__stack *s)
{
	const uint64_t *words = (const uint64_t *)(const void *)s->base;

	for (int i = 0; i < CANARY_WORDS; i++)
		if (words[i] != 0)
			canary_is_dead(s);
}

struct weft__stack *weft__stack_find(const void *address)
{
	const char *p = address;

	for (struct arena *a = at_load(&arenas, ACQUIRE); a != NULL; a = a->next) {
		size_t size = (size_t)1 << (STACK_MIN_SHIFT + a->class);
		if (p >= a->base && (size_t)(p - a->base) < size * a->total)
			return &a->stacks[(size_t)(p - a->base) / size];
	}
	return NULL;
}

/* Takes the n dirty stacks off that were used least lately; the list of them. Requires lock. */
static struct weft__stack *take_oldest(struct shelf *c, size_t n)
{
	struct weft__stack *keep = c->dirty, *s;

	for (size_t i = 1; i < c->ndirty - n; i++)
		keep = keep->next;
	s = keep->next;
	keep->next = NULL;
	c->ndirty -= n;
	return s;
}

/* Gives the memory of a list of stacks back, then puts them with the clean ones. */
static void give_back(struct shelf *c, struct weft__stack *s)
{
	size_t page = weft__os_page_size();
	char *bases[SCAVENGE_BATCH];

	while (s != NULL) {
		struct weft__stack *first = s, *last = s;
		size_t count = 0;
		for (; s != NULL && count < SCAVENGE_BATCH; s = s->next) {
			bases[count++] = s->base + page;
			last = s;
		}
		weft__os_discard(bases, count, stack_size(first) - page);
		lock_acquire(&lock);
		last->next = c->clean;
		c->clean = first;
		c->nclean += count;
		lock_release(&lock);
	}
}

weft_time_t weft__stack_scavenge(weft_time_t now)
{
	weft_time_t next = at_load(&scavenge_at, RELAXED);
	struct weft__stack *old[STACK_CLASSES];

	if (now < next)
		return next;
	next = WEFT_NEVER;
	lock_acquire(&lock);
	for (uint32_t i = 0; i < STACK_CLASSES; i++) {
		struct shelf *c = &shelves[i];
		size_t n = c->least;
		if (c->ndirty > KEEP_DIRTY)
			next = now + WEFT_S(1);
		old[i] = NULL;
		if (n > KEEP_DIRTY) {
			n -= KEEP_DIRTY;
			old[i] = take_oldest(c, n > 4 * SCAVENGE_BATCH ? n / 2 : n);
		}
		c->least = c->ndirty;
	}
	at_store(&scavenge_at, next, RELAXED);
	lock_release(&lock);
	for (uint32_t i = 0; i < STACK_CLASSES; i++)
		give_back(&shelves[i], old[i]);
	return next;
}

void weft__stack_counts(uint64_t *all, uint64_t *unused, const char **guard)
{
	static const char *const names[] = { "madvise", "mprotect", "canary" };

	lock_acquire(&lock);
	*all = cut;
	*unused = 0;
	for (uint32_t i = 0; i < STACK_CLASSES; i++)
		*unused += shelves[i].ndirty + shelves[i].nclean;
	*guard = names[weft__guard_mode];
	lock_release(&lock);
}
