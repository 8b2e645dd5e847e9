/*
 * queue.h - the queues of ready tasks (proc.c) and their fast paths; a part of sched.h, which includes it.
 */
#ifndef WEFT_SCHED_QUEUE_H
#define WEFT_SCHED_QUEUE_H

void weft__proc_init(struct weft__proc *p, uint32_t index, weft_time_t now);
/* Adds to the processor's queue; half of a full queue goes to the global one. */
NOINLINE void weft__queue_overflow(struct weft__proc *p, struct weft__task *t);
/* Steals half of victim's queue into p's; one of them is returned to be run, NULL: nothing there. */
struct weft__task *weft__steal(struct weft__proc *p, struct weft__proc *victim);
/* Adds to the global queue, among those that have begun or the fresh ones. Empties the list. */
void weft__global_put(struct weft__list *list, bool fresh);
/* Takes a fair share of the global queue, `most` at most: one is returned, the others go to p's queue. */
struct weft__task *weft__global_take(struct weft__proc *p, uint32_t most);

ALWAYS_INLINE void list_add(struct weft__list *list, struct weft__task *t)
{
	t->link = NULL;
	if (list->last != NULL)
		list->last->link = t;
	else
		list->first = t;
	list->last = t;
	list->count++;
}

/* The same for a task that was parked and is let go. */
ALWAYS_INLINE void list_add_ready(struct weft__list *list, struct weft__task *t)
{
	PROBE(ready, t);
	list_add(list, t);
}

ALWAYS_INLINE uint32_t queue_length(const struct weft__proc *p)
{
	uint32_t head = at_load(&p->head, ACQUIRE);

	return at_load(&p->tail, ACQUIRE) - head;
}

ALWAYS_INLINE void queue_put(struct weft__proc *p, struct weft__task *t)
{
	uint32_t tail = at_load(&p->tail, RELAXED);
	uint32_t head =
		at_load(&p->head, ACQUIRE); /* pairs with the takers: their reads of the slot are done */

	if (unlikely(tail - head >= RING)) {
		weft__queue_overflow(p, t);
		return;
	}
	at_store(&p->ring[tail % RING], t, RELAXED);
	at_store(&p->tail, tail + 1, RELEASE); /* publishes the slot and the task to thieves */
}

/*
 * Many tasks wait, so the ones that come next are cold: fetch the header of the fourth, and what the second's
 * header, fetched two takes ago, points to. A thief may have taken them: what is read may be stale, and is
 * only prefetched.
 */
ALWAYS_INLINE void prefetch(const struct weft__proc *p, uint32_t head)
{
	const struct weft__task *t = at_load(&p->ring[(head + 2) % RING], RELAXED);
	const char *header = (const char *)at_load(&p->ring[(head + 4) % RING], RELAXED);
	const char *sp = at_load(&t->sp, RELAXED);

	__builtin_prefetch(header);
	__builtin_prefetch(header + CACHE_LINE);
	if (sp == NULL)
		return;
	__builtin_prefetch(at_load(&t->stack, RELAXED));
	for (int i = 0; i < 6; i++)
		__builtin_prefetch(sp + i * CACHE_LINE);
}

ALWAYS_INLINE struct weft__task *queue_take(struct weft__proc *p)
{
	uint32_t head = at_load(&p->head, ACQUIRE);

	for (;;) {
		uint32_t tail = at_load(&p->tail, RELAXED);
		struct weft__task *t;
		if (head == tail)
			return NULL;
		t = at_load(&p->ring[head % RING], RELAXED);
		if (tail - head > 4)
			prefetch(p, head);
		if (likely(rt.single)) {
			at_store(&p->head, head + 1, RELEASE);
			return t;
		}
		if (at_cas(&p->head, &head, head + 1, ACQ_REL, ACQUIRE))
			return t;
	}
}

ALWAYS_INLINE bool turn_over(const struct weft__proc *p)
{
	return at_load(&p->ticks, RELAXED) == p->turn_end;
}

/* The next task that is at hand; NULL: none, or it is time to look around. */
ALWAYS_INLINE struct weft__task *pick(struct weft__proc *p)
{
	struct weft__task *t = at_load(&p->next, RELAXED);
	uint32_t ticks = at_load(&p->ticks, RELAXED);

	if (unlikely(ticks == p->turn_end))
		return NULL;
	at_store(&p->ticks, ticks + 1, RELAXED);
	if (t != NULL) {
		at_store(&p->next, NULL, RELAXED);
		return t;
	}
	return queue_take(p);
}

#endif /* WEFT_SCHED_QUEUE_H */
