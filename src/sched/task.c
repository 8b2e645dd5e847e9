/*
 * task.c - how a task starts and ends.
 *
 * The life of a task: weft__spawn fills a header and makes it ready. Whoever picks it first finds sp == NULL
 * and binds a stack to it; the first switch enters task_main. When fn has returned, a successor that has not
 * run either and wants a stack of the same class takes over the stack as it is: no switch, no free, no get.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

ALWAYS_INLINE struct weft__task *take_header(struct weft__proc *p)
{
	struct weft__magazine *m = p != NULL ? p->loaded : NULL;

	if (unlikely(m == NULL || m->count == 0)) {
		if (p == NULL || p->spare == NULL || p->spare->count == 0)
			return weft__header_take_slow(p);
		m = p->spare;
		p->spare = p->loaded;
		p->loaded = m;
	}
	return m->tasks[--m->count];
}

ALWAYS_INLINE void put_header(struct weft__proc *p, struct weft__task *t)
{
	struct weft__magazine *m = p != NULL ? p->loaded : NULL;

	if (unlikely(m == NULL || m->count == MAGAZINE)) {
		if (p == NULL || (p->spare != NULL && p->spare->count != 0)) {
			weft__header_put_slow(p, t);
			return;
		}
		/* Both magazines are there, or are made, before one goes to the depot. */
		if (p->spare == NULL) {
			p->spare = p->loaded;
			p->loaded = NULL;
			weft__header_put_slow(p, t);
			return;
		}
		m = p->spare;
		p->spare = p->loaded;
		p->loaded = m;
	}
	m->tasks[m->count++] = t;
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

	t = take_header(p);
	if (unlikely(t == NULL))
		return NULL;
	/* What a task must give up before it ends, a header has not. */
	ASSERT(t->pinned == NULL && t->pins == 0 && t->locals == NULL && t->reason == NULL);
	at_store(&t->sp, NULL, RELAXED);
	at_store(&t->stack, NULL, RELAXED);
	t->fn = fn;
	t->arg = arg;
	t->stack_class = weft__stack_default;
	at_store(&t->id, new_id(p), RELAXED);
	at_store(&t->site, site, RELAXED);
	t->debt.settle = NULL;
	at_store(&t->flags, TASK_LIVE, RELEASE);
	return t;
}

void weft__task_free(struct weft__proc *p, struct weft__task *t)
{
	at_store(&t->flags, 0, RELAXED);
	put_header(p, t);
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
		at_and(&self->special, ~(uint32_t)SPECIAL_PINNED, RELAXED);
	}
	stack_check(t->stack);
	PROBE(exit, t);
	/* Before anybody hears of it: who has waited for the task must not find it among the living. */
	at_store(&t->flags, t->flags & ~(uint32_t)TASK_LIVE, RELAXED);
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
	at_store(&next->stack, t->stack, RELAXED);
	next->san = t->san;
	at_store(&t->stack->task, next, RELAXED);
	weft__task_free(p, t);
	at_store(&self->task, next, RELAXED);
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
		struct weft__debt debt;
		uint32_t owed;
		leave(self);
		weft__arch_control_reset(); /* whatever the task left that ran here before */
		t->fn(t->arg);
		if (unlikely(t->locals != NULL)) {
			weft__locals_end(t->locals);
			t->locals = NULL;
		}
		self = enter();
		end_of(self, t);
		debt = t->debt;
		owed = t->owed;
		next = successor(self, t);
		if (debt.settle != NULL) {
			if (next != NULL && next->debt.settle == debt.settle && next->debt.to == debt.to)
				next->owed += owed;
			else
				debt.settle(self, debt.to, owed);
		}
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
	at_store(&t->stack, s, RELAXED);
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
		return weft__stack_default;
	if (size < least)
		size = least;
	while (n < STACK_CLASSES && ((size_t)1 << (STACK_MIN_SHIFT + n)) < size)
		n++;
	return n < STACK_CLASSES ? n : -1;
}

static int apply_options(struct weft__task *t, const weft_go_options_t *options)
{
	int size_class;

	if (options->size < offsetof(weft_go_options_t, reserved) || options->size > sizeof *options)
		return -EINVAL;
	size_class = class_of(options->stack_size);
	if (size_class < 0)
		return -EINVAL;
	t->stack_class = (uint8_t)size_class;
	if (options->name != NULL) {
		t->name[0] = '\0';
		strncat(t->name, options->name, NAME_SIZE - 1);
		at_store(&t->flags, t->flags | TASK_NAMED, RELAXED);
	}
	if (options->site != NULL)
		at_store(&t->site, options->site, RELAXED);
	return 0;
}

int weft__spawn(struct weft__thread *self, const struct weft__start *start)
{
	struct weft__proc *p = self->proc;
	struct weft__task *t = weft__task_new(p, start->fn, start->arg, start->site);
	int err;

	if (unlikely(t == NULL))
		return -ENOMEM;
	if (start->options != NULL && (err = apply_options(t, start->options)) != 0) {
		weft__task_free(p, t);
		return err;
	}
	if (start->copy != NULL) {
		t->arg = t->args;
		if (unlikely(start->copy_size > ARGS_SIZE)) {
			t->arg = weft__alloc(start->copy_size);
			if (t->arg == NULL) {
				weft__task_free(p, t);
				return -ENOMEM;
			}
			at_store(&t->flags, t->flags | TASK_ARGS_HEAP, RELAXED);
		}
		memcpy(t->arg, start->copy, start->copy_size);
	}
	if (start->debt != NULL) {
		t->debt = *start->debt;
		t->owed = 1;
	}
	if (p != NULL)
		at_bump(&p->started, 1);
	else
		at_add(&rt.guest_started, 1, RELAXED);
	PROBE(spawn, t);
	weft__make_ready(self, t);
	return 0;
}

int weft__go_at(weft_fn_t *fn, void *arg, const char *site)
{
	return weft__go(&(struct weft__start){ .fn = fn, .arg = arg, .site = site });
}

int weft__go_with_at(const weft_go_options_t *options, weft_fn_t *fn, void *arg, const char *site)
{
	return weft__go(&(struct weft__start){ .fn = fn, .arg = arg, .options = options, .site = site });
}

int weft__go_copy(weft_fn_t *fn, const void *args, size_t size, const char *site)
{
	return weft__go(&(struct weft__start){ .fn = fn, .copy = args, .copy_size = size, .site = site });
}

int(weft_go)(weft_fn_t *fn, void *arg)
{
	return weft__go_at(fn, arg, "?");
}

int(weft_go_with)(const weft_go_options_t *options, weft_fn_t *fn, void *arg)
{
	return weft__go_with_at(options, fn, arg, "?");
}
