/*
 * wait.h - the waiter, what bounds its wait, and the three steps that every primitive blocks by; a part of
 * sched.h, which includes it. The essays are in park.c and cancel.c.
 */
#ifndef WEFT_SCHED_WAIT_H
#define WEFT_SCHED_WAIT_H

/* ---- the waiter, and what bounds its wait (park.c, cancel.c) ---- */

/*
 * Something that ends waits from outside: the lower half of a context. The nodes are those of blocked calls
 * and whatever else wants to be told; what they mean beyond is context.c's.
 */
struct weft__cancel {
	uint32_t lock;
	int32_t error;                       /* atomic: 0 until it is cancelled, then what the calls return */
	struct weft__cancel_node *first;     /* circle, oldest first; under the lock */
	uint32_t refs;                       /* under the lock: handles, children, linked waiters */
	void (*free)(struct weft__cancel *); /* called without the lock when refs reached 0 */
};

enum cancel_kind { CANCEL_WAITER, CANCEL_CHILD, CANCEL_AFTER };

struct weft__cancel_node {
	struct weft__cancel_node *next, *prev; /* NULL: not linked */
	struct weft__waiter *waiter;           /* of CANCEL_WAITER */
	enum cancel_kind kind;
};

/* What ends a wait besides a waker: a deadline and a cancel source, WEFT_NEVER and NULL for none. */
struct weft__limit {
	weft_time_t deadline;
	struct weft__cancel *cancel;
};

/*
 * OPEN: as WAITING, but it has not left its stack (park.c). TRYING: a select that waits in some queues tries
 * to claim the partner that it found in another; who wants to claim it meanwhile waits for the outcome.
 */
enum wait_state { WAIT_WAITING, WAIT_OPEN, WAIT_TRYING, WAIT_WOKEN, WAIT_TIMED_OUT, WAIT_CANCELED };

/* Of a waiter that was claimed while it was open: which of the two, parker and claimer, has come. */
enum wait_early { EARLY_NOBODY, EARLY_PARKER, EARLY_CLAIMER };

/*
 * One blocked call. It stands in a queue of the primitive, under the primitive's lock, and on the blocked
 * stack. state is swapped from WAITING to something else by exactly one waker (weft__claim), who then calls
 * weft__ready once; the waiter lives until then, and the claimer touches neither it nor the primitive
 * afterwards.
 */
struct weft__waiter {
	struct weft__waiter *next, *prev; /* the primitive's, under its lock */
	struct weft__task *task;          /* NULL: a plain thread */
	struct weft__thread *thread;      /* of a plain thread */
	uint32_t state;                   /* atomic: enum wait_state */
	uint32_t handshake;               /* atomic: enum wait_early */
	uint32_t *lock;                   /* released once the context is saved; NULL: none */
	uintptr_t value;                  /* the primitive's: from waker to waiter; 0 at first if open */
	bool several;                     /* may be claimed while it is open: see park.c */
	bool early;                       /* the claimer's: it was claimed while it was open */
	bool sole;                        /* only one queue knows it, so its lock decides who claims */
	/* a waker of many touches only what stands above: one line of each */
	struct weft__limit limit CACHE_ALIGNED;
	const char *reason;
	struct weft__cancel_node node; /* in limit.cancel */
} CACHE_ALIGNED;

/* ---- blocking: the three steps of every primitive (park.c) ---- */

ALWAYS_INLINE struct weft__limit limit_until(weft_time_t deadline)
{
	return (struct weft__limit){ deadline, NULL };
}
ALWAYS_INLINE struct weft__limit limit_none(void)
{
	return limit_until(WEFT_NEVER);
}

/* Is there any? */
ALWAYS_INLINE bool limit_any(struct weft__limit limit)
{
	return limit.deadline != WEFT_NEVER || limit.cancel != NULL;
}

/* Prepares a waiter for the running task or thread. Inside. */
ALWAYS_INLINE void weft__waiter_init(struct weft__thread *self, struct weft__waiter *w)
{
	w->task = self->task;
	w->thread = self;
	w->several = w->early = w->sole = false;
	at_store(&w->state, WAIT_WAITING, RELAXED);
}
/* It may be claimed from now on, although it has not left its stack, or does not sleep yet. */
ALWAYS_INLINE void weft__waiter_open(struct weft__waiter *w)
{
	w->several = true;
	w->value = 0;
	at_store(&w->handshake, EARLY_NOBODY, RELAXED);
	at_store(&w->state, WAIT_OPEN, RELAXED);
}
/*
 * Prepares a waiter that was claimed for another wait, in the place of the queue where it stands. Under the
 * lock.
 */
ALWAYS_INLINE void weft__waiter_again(struct weft__waiter *w)
{
	w->several = w->early = w->sole = false;
	at_store(&w->state, WAIT_WAITING, RELAXED);
}
/*
 * Blocks until w is claimed. Inside, lock held (or NULL); the lock is released once the context is saved.
 * Returns the thread that the caller runs on now, inside; w->state says who claimed. After WAIT_TIMED_OUT and
 * WAIT_CANCELED the caller takes the lock again and removes w from its queue if it is still there.
 */
struct weft__thread *weft__park(struct weft__thread *self, struct weft__waiter *w, uint32_t *lock,
	struct weft__limit limit, const char *reason);
/* The same without limit, for a waiter that one queue knows. It will be woken. */
ALWAYS_INLINE struct weft__thread *weft__park_sole(
	struct weft__thread *self, struct weft__waiter *w, uint32_t *lock, const char *reason)
{
	if (unlikely(w->task == NULL))
		return weft__park(self, w, lock, limit_none(), reason);
	w->sole = true; /* the lock is held: nobody has looked yet */
	return weft__switch_sole(self, lock, reason);
}
/* The part of a park that happens once the context is saved. */
void weft__park_commit(struct weft__thread *self, struct weft__task *t, struct weft__waiter *w);
/*
 * It has left its stack: OPEN becomes WAITING. True: it was claimed early, and its claimer is done: who parks
 * it lets it go on.
 */
ALWAYS_INLINE bool weft__waiter_close(struct weft__waiter *w)
{
	uint32_t open = WAIT_OPEN;

	/* Release: the saved context; acquire: what an early claimer wrote. */
	return unlikely(!at_cas(&w->state, &open, WAIT_WAITING, ACQ_REL, ACQUIRE)) &&
	       at_xchg(&w->handshake, EARLY_PARKER, ACQ_REL) == EARLY_CLAIMER;
}
/* Ends the wait of one that is sole. */
ALWAYS_INLINE void claim_sole(struct weft__waiter *w)
{
	at_store(&w->state, WAIT_WOKEN, RELEASE); /* what the waker wrote before */
}
NOINLINE bool weft__claim_slow(struct weft__waiter *w, enum wait_state how);
/* Tries to be the one who ends the wait. */
ALWAYS_INLINE bool weft__claim(struct weft__waiter *w, enum wait_state how)
{
	uint32_t waiting = WAIT_WAITING;

	if (likely(w->sole)) {
		at_store(&w->state, (uint32_t)how, RELEASE);
		return true;
	}
	/*
	 * Acquire: what the waiter wrote before it queued; release: what the waker wrote before it claimed.
	 */
	return at_cas(&w->state, &waiting, (uint32_t)how, ACQ_REL, RELAXED) ||
	       (unlikely(waiting <= WAIT_TRYING) && weft__claim_slow(w, how));
}
/*
 * After a successful claim, by the claimer, when it is done with the waiter: may it be made ready? false: it
 * is not parked yet, and will see by itself; then it must not be touched any more.
 */
ALWAYS_INLINE bool weft__parked(struct weft__waiter *w)
{
	/* Acquire: its context is saved; release: what the claimer wrote. */
	return likely(!w->early) || at_xchg(&w->handshake, EARLY_CLAIMER, ACQ_REL) == EARLY_PARKER;
}
/*
 * After a successful claim: lets the waiter go on. Inside, or self == NULL. Who claims many at once may
 * instead collect the tasks of those that are parked and hand them to weft__make_ready_list.
 */
void weft__ready(struct weft__thread *self, struct weft__waiter *w);
/* May a task be made ready by a store into the next slot? */
ALWAYS_INLINE bool next_slot_free(const struct weft__proc *p)
{
	return at_load(&p->next, RELAXED) == NULL && likely(at_load(&weft__probes, RELAXED) == NULL) &&
	       !CHAOS;
}
/* The same, inside; the commonest case inline: one task, into an empty next slot. */
ALWAYS_INLINE void weft__ready_next(struct weft__thread *self, struct weft__waiter *w)
{
	struct weft__proc *p = self->proc;

	if (likely(w->sole && w->task != NULL && p != NULL) && likely(next_slot_free(p)))
		at_store(&p->next, w->task, RELAXED);
	else
		weft__ready(self, w);
}

/* 0, or the error of a cancelled context: such a call does nothing, whatever is available. */
ALWAYS_INLINE int limit_canceled(struct weft__limit limit)
{
	/* Acquire pairs with the release in context.c. */
	return limit.cancel != NULL ? at_load(&limit.cancel->error, ACQUIRE) : 0;
}
/* 0, or the error to return when it has passed already. */
ALWAYS_INLINE int limit_over(struct weft__limit limit)
{
	int error = limit_canceled(limit);

	if (error == 0 && limit.deadline != WEFT_NEVER && limit.deadline <= weft__os_now())
		error = -ETIMEDOUT;
	return error;
}
/* What the call returns after a park: 0 when it was woken. */
ALWAYS_INLINE int weft__wait_error(struct weft__waiter *w)
{
	uint32_t state = at_load(&w->state, ACQUIRE); /* pairs with weft__claim */

	return likely(state == WAIT_WOKEN) ? 0 : state == WAIT_TIMED_OUT ? -ETIMEDOUT : (int)w->value;
}

/* ---- cancel sources (cancel.c) ---- */

/* In and out of the list; require the lock. */
void weft__cancel_add(struct weft__cancel *cancel, struct weft__cancel_node *node);
void weft__cancel_remove(struct weft__cancel *cancel, struct weft__cancel_node *node);
/*
 * weft__claim for a source that is cancelled; w->value is the node that did it, until weft__park has made it
 * the error.
 */
bool weft__cancel_claim(struct weft__cancel_node *node);
/*
 * Links a waiter's node, with a reference. True: it is cancelled already and the waiter was claimed for that
 * here: whoever parks it must let it go on.
 */
bool weft__cancel_link(struct weft__cancel *cancel, struct weft__cancel_node *node, struct weft__waiter *w);
/* After the wait: takes the node out, unless the canceller did, and gives the reference up; the error. */
int32_t weft__cancel_unlink(struct weft__cancel *cancel, struct weft__cancel_node *node);
/* One reference less; frees it with the last. */
void weft__cancel_put(struct weft__cancel *cancel);

#endif /* WEFT_SCHED_WAIT_H */
