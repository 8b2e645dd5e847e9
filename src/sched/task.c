/*
 * task.c - task headers: where they come from, how a task starts and ends, the list of all.
 *
 * Headers are cut from chunks that are never given back, so a pointer to a header stays a pointer to a
 * header; a header is LIVE from spawn to end. Free headers wait in the processor and, in batches, in a global
 * list. Chunks double from 64 KiB to 4 MiB and are found from a list that is only prepended to: reports walk
 * it.
 *
 * The life of a task: weft__spawn fills a header and makes it ready. Whoever picks it first finds sp == NULL
 * and binds a stack to it; the first switch enters task_main. When fn has returned, a successor that has not
 * run either and wants a stack of the same class takes over the stack as it is: no switch, no free, no get.
 *
 * `lock` protects the global list, the chunk that is being cut and the counters next to them.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

enum { CHUNK_FIRST = 64 << 10, CHUNK_LAST = 4 << 20 };

struct chunk {
	struct chunk *next;
	struct weft__task *tasks;
	uint32_t total;
	uint32_t used; /* atomic, written under lock */
};

static uint32_t lock;
static struct chunk *chunks; /* atomic head; the first is the one that is being cut */
static struct weft__task *free_tasks;
static uint32_t nfree_tasks;

static bool chunk_new(void)
{
	struct chunk *last = at_load(&chunks, RELAXED);
	size_t bytes = last == NULL ? CHUNK_FIRST : last->total * sizeof(struct weft__task) * 2;
	struct chunk *c = weft__alloc(sizeof *c);

	if (c == NULL)
		return false;
	if (bytes > CHUNK_LAST)
		bytes = CHUNK_LAST;
	c->tasks = weft__os_reserve(bytes, 0);
	if (c->tasks == NULL) {
		weft__free(c);
		return false;
	}
	c->total = (uint32_t)(bytes / sizeof(struct weft__task));
	c->next = last;
	at_store(&chunks, c, RELEASE); /* pairs with weft__task_each */
	return true;
}

/* Requires lock. */
static struct weft__task *take_one(void)
{
	struct weft__task *t = free_tasks;
	struct chunk *c;

	if (t != NULL) {
		free_tasks = t->link;
		nfree_tasks--;
		return t;
	}
	c = chunks;
	if (c == NULL || c->used == c->total) {
		if (!chunk_new())
			return NULL;
		c = chunks;
	}
	t = &c->tasks[c->used];
	at_store(&c->used, c->used + 1, RELEASE);
	return t;
}

static NOINLINE struct weft__task *take_shared(struct weft__proc *p)
{
	struct weft__task *t;

	lock_acquire(&lock);
	t = take_one();
	if (t != NULL && p != NULL) {
		for (int i = 1; i < TASK_BATCH; i++) {
			struct weft__task *more = take_one();
			if (more == NULL)
				break;
			more->link = p->free_tasks;
			p->free_tasks = more;
			p->nfree_tasks++;
		}
	}
	lock_release(&lock);
	return t;
}

static NOINLINE void put_shared(struct weft__task *first, struct weft__task *last, uint32_t n)
{
	lock_acquire(&lock);
	last->link = free_tasks;
	free_tasks = first;
	nfree_tasks += n;
	lock_release(&lock);
}

static uint64_t new_id(struct weft__proc *p)
{
	enum { BATCH = 64 };

	if (p == NULL)
		return at_add(&rt.id_next, 1, RELAXED) + 1;
	if (unlikely(p->id_next == p->id_end)) {
		p->id_next = at_add(&rt.id_next, BATCH, RELAXED) + 1;
		p->id_end = p->id_next + BATCH;
	}
	return p->id_next++;
}

struct weft__task *weft__task_new(struct weft__proc *p, weft_fn_t *fn, void *arg, const char *site)
{
	struct weft__task *t;

	if (likely(p != NULL && p->free_tasks != NULL)) {
		t = p->free_tasks;
		p->free_tasks = t->link;
		p->nfree_tasks--;
	} else {
		t = take_shared(p);
		if (t == NULL)
			return NULL;
	}
	t->sp = NULL;
	t->stack = NULL;
	t->link = NULL;
	t->fn = fn;
	t->arg = arg;
	t->pinned = NULL;
	t->pins = 0;
	t->stack_class = STACK_DEFAULT_CLASS;
	at_store(&t->reason, NULL, RELAXED);
	at_store(&t->id, new_id(p), RELAXED);
	at_store(&t->site, site, RELAXED);
	t->name[0] = '\0';
	t->locals = NULL;
	at_store(&t->flags, TASK_LIVE, RELEASE);
	return t;
}

void weft__task_free(struct weft__proc *p, struct weft__task *t)
{
	at_store(&t->flags, 0, RELAXED);
	if (p == NULL) {
		put_shared(t, t, 1);
		return;
	}
	t->link = p->free_tasks;
	p->free_tasks = t;
	if (unlikely(++p->nfree_tasks > TASK_CACHE)) {
		struct weft__task *first = p->free_tasks, *last = first;
		for (int i = 1; i < TASK_BATCH; i++)
			last = last->link;
		p->free_tasks = last->link;
		p->nfree_tasks -= TASK_BATCH;
		put_shared(first, last, TASK_BATCH);
	}
}

/* The running task of self is over; what it owned beyond stack and header goes. Inside. */
static void end_of(struct weft__thread *self, struct weft__task *t)
{
	if (unlikely(t->flags & TASK_ARGS_HEAP))
		weft__free(t->arg);
	if (unlikely(t->pins != 0)) {
		t->pins = 0;
		t->pinned = NULL;
		self->pinned = NULL;
	}
	weft__stack_check(t->stack);
	PROBE(exit, t);
	at_bump(&self->proc->ended, 1);
}

/*
 * The task that ended is replaced by one that has not run yet, on the same stack. NULL: there is none at
 * hand, or it needs another stack; then self->proc is as before.
 */
ALWAYS_INLINE struct weft__task *successor(struct weft__thread *self, struct weft__task *t)
{
	struct weft__proc *p = self->proc;
	struct weft__task *next = at_load(&p->next, RELAXED);

	if (SAN_SWITCH_ALWAYS || turn_over(p))
		return NULL;
	if (next == NULL) {
		uint32_t head = at_load(&p->head, RELAXED);
		if (head == at_load(&p->tail, RELAXED))
			return NULL;
		next = at_load(&p->ring[head % RING], RELAXED);
		/* A thief may be faster; then what was read here may be stale, and is only compared. */
		if (at_load(&next->sp, RELAXED) != NULL)
			return NULL;
	}
	if (at_load(&next->sp, RELAXED) != NULL || next->stack_class != t->stack_class)
		return NULL;
	next = pick(p);
	if (unlikely(next == NULL))
		return NULL;
	if (unlikely(next->sp != NULL || next->stack_class != t->stack_class)) {
		/* Lost a race with a thief and got another task: it keeps its place. */
		at_store(&p->next, next, RELAXED);
		return NULL;
	}
	next->stack = t->stack;
	next->san = t->san;
	at_store(&t->stack->task, next, RELAXED);
	weft__task_free(p, t);
	self->task = next;
	return next;
}

/* The outermost function of every task's stack. Entered inside, by a switch. */
SAN_NO_THREAD static void task_main(void)
{
	struct weft__thread *self = weft__self();
	struct weft__task *t = self->task;

	san_after_switch(&t->san, &self->san, self->left_thread);
	weft__after_switch(self);
	for (;;) {
		struct weft__task *next;
		leave(self);
		weft__arch_control_reset(); /* whatever the task left that ran here before */
		t->fn(t->arg);
		if (unlikely(t->locals != NULL)) {
			weft__locals_end(t->locals);
			t->locals = NULL;
		}
		self = enter();
		end_of(self, t);
		next = successor(self, t);
		if (next == NULL)
			weft__switch_end(self);
		t = next;
	}
}

bool weft__task_bind(struct weft__proc *p, struct weft__task *t)
{
	struct weft__stack *s = weft__stack_get(p, t->stack_class);

	if (s == NULL)
		return false;
	t->stack = s;
	at_store(&s->task, t, RELAXED);
	san_task_bind(&t->san, s->base + weft__os_page_size(), stack_size(s) - weft__os_page_size());
	at_store(&t->sp, weft__arch_prepare(stack_top(s), task_main), RELAXED);
	return true;
}

/* The class for a size in bytes; negative: out of range. */
static int class_of(size_t size)
{
	size_t least = weft__os_page_size() * 4;
	int n = 0;

	if (size == 0)
		return STACK_DEFAULT_CLASS;
	if (size < least)
		size = least;
	while (n < STACK_CLASSES && ((size_t)1 << (STACK_MIN_SHIFT + n)) < size)
		n++;
	return n < STACK_CLASSES ? n : -1;
}

static int apply_options(struct weft__task *t, const weft_go_options_t *options)
{
	int class;

	if (options->size < offsetof(weft_go_options_t, reserved) || options->size > sizeof *options)
		return -EINVAL;
	class = class_of(options->stack_size);
	if (class < 0)
		return -EINVAL;
	t->stack_class = (uint8_t) class;
	if (options->name != NULL)
		strncat(t->name, options->name, NAME_SIZE - 1);
	if (options->site != NULL)
		at_store(&t->site, options->site, RELAXED);
	return 0;
}

int weft__spawn(struct weft__thread *self, weft_fn_t *fn, void *arg, const void *copy, size_t copy_size,
	const weft_go_options_t *options, const char *site)
{
	struct weft__proc *p = self->proc;
	struct weft__task *t = weft__task_new(p, fn, arg, site);
	int err;

	if (unlikely(t == NULL))
		return -ENOMEM;
	if (options != NULL && (err = apply_options(t, options)) != 0) {
		weft__task_free(p, t);
		return err;
	}
	if (copy != NULL) {
		t->arg = t->args;
		if (unlikely(copy_size > ARGS_SIZE)) {
			t->arg = weft__alloc(copy_size);
			if (t->arg == NULL) {
				weft__task_free(p, t);
				return -ENOMEM;
			}
			at_store(&t->flags, TASK_LIVE | TASK_ARGS_HEAP, RELAXED);
		}
		memcpy(t->arg, copy, copy_size);
	}
	if (p != NULL)
		at_bump(&p->started, 1);
	else
		at_add(&rt.guest_started, 1, RELAXED);
	PROBE(spawn, t);
	weft__make_ready(self, t);
	return 0;
}

static int go(weft_fn_t *fn, void *arg, const void *copy, size_t size, const weft_go_options_t *options,
	const char *site)
{
	struct weft__thread *self;
	int err;

	if (unlikely(!started()) && (err = weft__start()) != 0)
		return err;
	if (unlikely(weft__self() == NULL) && weft__thread_new(false) == NULL)
		return -ENOMEM;
	self = enter();
	err = weft__spawn(self, fn, arg, copy, size, options, site);
	leave(self);
	return err;
}

int weft__go_at(weft_fn_t *fn, void *arg, const char *site)
{
	return go(fn, arg, NULL, 0, NULL, site);
}

int weft__go_with_at(const weft_go_options_t *options, weft_fn_t *fn, void *arg, const char *site)
{
	return go(fn, arg, NULL, 0, options, site);
}

int weft__go_copy(weft_fn_t *fn, const void *args, size_t size, const char *site)
{
	return go(fn, NULL, args, size, NULL, site);
}

int(weft_go)(weft_fn_t *fn, void *arg)
{
	return go(fn, arg, NULL, 0, NULL, "?");
}

int(weft_go_with)(const weft_go_options_t *options, weft_fn_t *fn, void *arg)
{
	return go(fn, arg, NULL, 0, options, "?");
}

void weft__task_each(void (*fn)(struct weft__task *t, void *arg), void *arg)
{
	for (struct chunk *c = at_load(&chunks, ACQUIRE); c != NULL; c = c->next) {
		uint32_t used = at_load(&c->used, ACQUIRE);
		for (uint32_t i = 0; i < used; i++)
			if (at_load(&c->tasks[i].flags, ACQUIRE) & TASK_LIVE)
				fn(&c->tasks[i], arg);
	}
}
