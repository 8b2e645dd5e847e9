/*
 * proc.c - the queues of ready tasks: one a processor, and the global one.
 *
 * A processor's queue is a ring of RING slots with two indices that only grow (modulo 2^32): the holder of
 * the processor puts at the tail, the holder and thieves take at the head by compare-and-swap. It is first
 * in, first out.
 *   put    slot, then tail (release)          -> pairs with the acquire of tail by thieves
 *   take slot, then head by CAS (release) -> pairs with the acquire of head by the holder before a slot is
 *   used again
 * A slot that a thief has read may be overwritten before its CAS; then head has moved and the CAS fails. An
 * index that wraps all the way between a thief's load and its CAS would need 2^32 puts in that time.
 *
 * The holder hands the older half of a full ring to the global queue, a list under rt.lock, which also takes
 * what becomes ready outside of any processor. It is looked at every TURN switches at least, and whenever the
 * own queue is empty.
 */
#include "sched/sched.h"

void weft__proc_init(struct weft__proc *p, uint32_t index, weft_time_t now)
{
	p->index = index;
	p->random = index * 2654435761u + 1;
	p->turn_length = p->turn_end = 1;
	p->turn_started = now;
	weft__wheel_init(&p->wheel, now);
}

void weft__global_put(struct weft__list *list)
{
	if (list->first == NULL)
		return;
	lock_acquire(&rt.lock);
	if (rt.global.last != NULL)
		rt.global.last->link = list->first;
	else
		rt.global.first = list->first;
	rt.global.last = list->last;
	rt.global.count += list->count;
	at_store(&rt.global_count, rt.global.count, RELEASE);
	lock_release(&rt.lock);
	*list = (struct weft__list){ NULL, NULL, 0 };
}

NOINLINE void weft__queue_overflow(struct weft__proc *p, struct weft__task *t)
{
	struct weft__list list = { NULL, NULL, 0 };

	for (int i = 0; i < RING / 2; i++) {
		struct weft__task *old = queue_take(p);
		if (old == NULL)
			break;
		list_add(&list, old);
	}
	list_add(&list, t);
	weft__global_put(&list);
}

struct weft__task *weft__global_take(struct weft__proc *p, uint32_t most)
{
	struct weft__list list = { NULL, NULL, 0 };
	struct weft__task *t;
	uint32_t n;

	if (at_load(&rt.global_count, ACQUIRE) == 0)
		return NULL;
	lock_acquire(&rt.lock);
	n = rt.global.count / rt.nprocs + 1;
	if (n > most)
		n = most;
	while (n-- > 0 && (t = rt.global.first) != NULL) {
		rt.global.first = t->link;
		rt.global.count--;
		list_add(&list, t);
	}
	if (rt.global.first == NULL)
		rt.global.last = NULL;
	at_store(&rt.global_count, rt.global.count, RELEASE);
	lock_release(&rt.lock);
	if ((t = list.first) == NULL)
		return NULL;
	for (struct weft__task *more = t->link, *next; more != NULL; more = next) {
		next = more->link;
		queue_put(p, more);
	}
	return t;
}

struct weft__task *weft__steal(struct weft__proc *p, struct weft__proc *victim)
{
	uint32_t head = at_load(&victim->head, ACQUIRE);

	for (;;) {
		uint32_t n = at_load(&victim->tail, ACQUIRE) - head;
		uint32_t room = RING - (at_load(&p->tail, RELAXED) - at_load(&p->head, ACQUIRE));
		uint32_t tail = at_load(&p->tail, RELAXED);
		struct weft__task *first;
		if (n == 0 || n > RING) {
			if (n == 0)
				return NULL;
			head = at_load(&victim->head, ACQUIRE); /* torn pair: both moved */
			continue;
		}
		n -= n / 2;
		if (n - 1 > room)
			n = room + 1;
		first = at_load(&victim->ring[head % RING], RELAXED);
		for (uint32_t i = 1; i < n; i++)
			at_store(&p->ring[(tail + i - 1) % RING],
				at_load(&victim->ring[(head + i) % RING], RELAXED), RELAXED);
		if (at_cas(&victim->head, &head, head + n, ACQ_REL, ACQUIRE)) {
			if (n > 1)
				at_store(&p->tail, tail + n - 1, RELEASE);
			return first;
		}
	}
}
