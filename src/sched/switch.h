/*
 * switch.h - the switch from a task, inline for those whose speed it decides. See switch.c.
 *
 * A function that is called by weft__arch_away and switches here returns as fast as it can: see the
 * processor's switch.S. Under sanitizers it calls weft__switch_sole or weft__switch_open, as everybody else.
 */
#ifndef WEFT_SCHED_SWITCH_H
#define WEFT_SCHED_SWITCH_H

#include "sched/sched.h"

/* The switch proper, from the running task: to `next`, or with NULL to the thread's own context. */
ALWAYS_INLINE SAN_NO_THREAD struct weft__thread *switch_from(
	struct weft__thread *self, struct weft__task *me, struct weft__task *next, enum after after)
{
	self->prev = me;
	self->after = after;
	at_store(&self->task, next, RELAXED);
	self->left_thread = false;
	san_before_switch(&me->san, next != NULL ? &next->san : &self->san, after == AFTER_END);
	weft__arch_switch_here(&me->sp, next != NULL ? next->sp : self->sp);
	/* Perhaps on another thread. */
	self = weft__self();
	san_after_switch(&me->san, &self->san, self->left_thread);
	return self;
}

/* What to run next without leaving the tasks' side; NULL: the thread's own context must look. */
ALWAYS_INLINE struct weft__task *at_hand(struct weft__thread *self)
{
	struct weft__task *next;
	uint32_t special = at_load(&self->special, RELAXED);

	if (unlikely(special != 0)) {
		answer_if_asked(self);
		if (special & SPECIAL_PINNED)
			return NULL;
	}
	if (unlikely(self->proc == NULL))
		return NULL;
	next = pick(self->proc);
	if (next != NULL && unlikely(next->sp == NULL || next->pinned != NULL) &&
		!weft__task_prepare(self, next)) {
		self->diverted = next;
		return NULL;
	}
	return next;
}

/* The task before parked: nobody can find it until its lock is released. */
ALWAYS_INLINE void after_sole(struct weft__thread *self)
{
	uint32_t *lock = self->unlock;

	PROBE(park, self->prev, self->prev->reason);
	self->after = AFTER_NONE;
	if (lock != NULL)
		lock_release(lock);
	else
		at_store(&self->section, NULL, RELEASE); /* as bias_release */
}

/* The task before parked in queues that may have claimed it since. */
ALWAYS_INLINE void after_open(struct weft__thread *self)
{
	struct weft__task *prev = self->prev;

	PROBE(park, prev, prev->reason);
	self->after = AFTER_NONE;
	if (unlikely(weft__waiter_close(self->park))) {
		PROBE(ready, prev);
		weft__make_ready(self, prev);
	}
}

/* As weft__after_switch, the commonest inline. */
ALWAYS_INLINE void after_switch(struct weft__thread *self)
{
	if (likely(self->after == AFTER_SOLE))
		after_sole(self);
	else
		weft__after_switch(self);
}

ALWAYS_INLINE SAN_NO_THREAD struct weft__thread *switch_sole(
	struct weft__thread *self, uint32_t *lock, const char *reason)
{
	struct weft__task *me = self->task;

	stack_check(me->stack);
	at_store(&me->since_ms, at_load(&rt.coarse_ms, RELAXED), RELAXED);
	at_store(&me->reason, reason, RELAXED);
	self->unlock = lock;
	self = switch_from(self, me, at_hand(self), AFTER_SOLE);
	after_switch(self);
	at_store(&me->reason, NULL, RELAXED);
	return self;
}

ALWAYS_INLINE SAN_NO_THREAD struct weft__thread *switch_open(
	struct weft__thread *self, struct weft__waiter *w, const char *reason)
{
	struct weft__task *me = self->task;

	stack_check(me->stack);
	at_store(&me->since_ms, at_load(&rt.coarse_ms, RELAXED), RELAXED);
	at_store(&me->reason, reason, RELAXED);
	self->park = w;
	self = switch_from(self, me, at_hand(self), AFTER_OPEN);
	after_switch(self);
	at_store(&me->reason, NULL, RELAXED);
	return self;
}

#if defined(WEFT__ASAN) || defined(WEFT__TSAN)
#define switch_sole_here weft__switch_sole
#define switch_open_here weft__switch_open
#else
#define switch_sole_here switch_sole
#define switch_open_here switch_open
#endif

#endif /* WEFT_SCHED_SWITCH_H */
