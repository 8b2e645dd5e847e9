/*
 * switch.c - from one task to the next, and how a task becomes ready.
 *
 * Tasks switch to each other directly; the thread's own context is switched to when nothing is at hand, when
 * a turn is over, or when what comes next needs more than a switch. `diverted` is a task that was picked but
 * could not be switched to: the own context takes it up first (worker.c).
 */
#include "sched/switch.h"

/*
 * Makes `next` runnable right now on this thread; false: it went elsewhere (no memory, or pinned to another
 * thread).
 */
bool weft__task_prepare(struct weft__thread *self, struct weft__task *next)
{
	if (unlikely(next->sp == NULL) && unlikely(!weft__task_bind(self->proc, next)))
		return false;
	return likely(next->pinned == NULL) || next->pinned == self;
}

OPAQUE SAN_NO_THREAD struct weft__thread *weft__switch_away(struct weft__thread *self, enum after after)
{
	struct weft__task *me = self->task;

	if (after == AFTER_PARK)
		stack_check(me->stack);
	self = switch_from(self, me, at_hand(self), after);
	weft__after_switch(self);
	return self;
}

OPAQUE SAN_NO_THREAD void weft__switch_end(struct weft__thread *self)
{
	switch_from(self, self->task, at_hand(self), AFTER_END);
	weft__panic("weft is broken: a task that ended was run again");
}

OPAQUE SAN_NO_THREAD struct weft__thread *weft__switch_sole(
	struct weft__thread *self, uint32_t *lock, const char *reason)
{
	return switch_sole(self, lock, reason);
}

OPAQUE SAN_NO_THREAD struct weft__thread *weft__switch_open(
	struct weft__thread *self, struct weft__waiter *w, const char *reason)
{
	return switch_open(self, w, reason);
}

static NOINLINE void after_others(struct weft__thread *self)
{
	struct weft__task *prev = self->prev;
	struct weft__list list = { NULL, NULL, 0 };

	switch ((enum after)self->after) {
	case AFTER_NONE:
	case AFTER_SOLE:
	case AFTER_OPEN:
		return;
	case AFTER_YIELD:
		queue_put(self->proc, prev);
		wake_if_idle();
		break;
	case AFTER_PARK:
		weft__park_commit(self, prev, self->park);
		break;
	case AFTER_END: {
		struct weft__stack *s = prev->stack;
		at_store(&prev->stack, NULL, RELAXED);
		san_task_unbind(&prev->san);
		weft__task_free(self->proc, prev);
		weft__stack_put(self->proc, s);
		break;
	}
	case AFTER_GLOBAL:
		list_add(&list, prev);
		weft__global_put(&list, false);
		wake_if_idle();
		break;
	}
	self->after = AFTER_NONE;
}

void weft__after_switch(struct weft__thread *self)
{
	if (self->after == AFTER_SOLE)
		after_sole(self);
	else if (self->after == AFTER_OPEN)
		after_open(self);
	else
		after_others(self);
}

/* Runs a task from the thread's own context, until a task switches back to it. */
OPAQUE SAN_NO_THREAD void weft__switch_run(struct weft__thread *self, struct weft__task *t)
{
	at_store(&self->task, t, RELAXED);
	self->left_thread = true;
	san_before_switch(&self->san, &t->san, false);
	weft__arch_switch(&self->sp, t->sp);
	san_after_switch(&self->san, &self->san, false);
	weft__after_switch(self);
}

OPAQUE void weft_yield(void)
{
	struct weft__thread *self = weft__self();
	struct weft__task *me, *next;

	if (unlikely(self == NULL || self->task == NULL)) {
		weft__os_thread_yield();
		return;
	}
	self = enter_as(self);
	me = self->task;
	next = at_hand(self);
	if (next == NULL && self->diverted == NULL && self->pinned == NULL && !turn_over(self->proc)) {
		if (at_load(&rt.global_count, RELAXED) == 0) {
			/* Alone on this processor, and the turn is not over: nothing to give way to. */
			leave(self);
			return;
		}
		self->proc->turn_end = self->proc->ticks; /* those in the global queue go first */
	}
	self = switch_from(self, me, next, AFTER_YIELD);
	if (likely(self->after == AFTER_YIELD)) {
		self->after = AFTER_NONE;
		queue_put(self->proc, self->prev);
		wake_if_idle();
	} else {
		weft__after_switch(self);
	}
	leave(self);
}

/* ---- ready ---- */

void weft__make_ready(struct weft__thread *self, struct weft__task *t)
{
	struct weft__proc *p = self != NULL ? self->proc : NULL;
	struct weft__task *old;

	if (unlikely(p == NULL) || (CHAOS && choose(CHOOSE_MIGRATE, 4, &p->random) == 0)) {
		struct weft__list list = { NULL, NULL, 0 };
		list_add(&list, t);
		weft__global_put(&list, at_load(&t->sp, RELAXED) == NULL);
		wake_if_idle();
		return;
	}
	old = at_load(&p->next, RELAXED);
	at_store(&p->next, t, RELAXED);
	if (old != NULL) {
		queue_put(p, old);
		wake_if_idle();
	}
}

void weft__make_ready_list(struct weft__thread *self, struct weft__list *list)
{
	struct weft__proc *p = self != NULL ? self->proc : NULL;

	if (list->first == NULL)
		return;
	if (p == NULL || list->count > RING / 2) {
		weft__global_put(list, false);
	} else {
		for (struct weft__task *t = list->first, *next; t != NULL; t = next) {
			next = t->link;
			queue_put(p, t);
		}
		*list = (struct weft__list){ NULL, NULL, 0 };
	}
	wake_if_idle();
}
