/*
 * proc.c - the queues of ready tasks: one a processor, and the global one.
 *
 * A processor's queue is a ring of RING slots with two indices that only grow (modulo 2^32): the holder of
 * the processor puts at the tail, the holder and thieves take at the head by compare-and-swap. It is first
 * in, first out.
 *   put    slot, then tail (release)      -> pairs with the acquire of tail by thieves
 *   take   slot, then head by CAS         -> its release pairs with the acquire of head by the holder,
 *                                            before a slot is used again
 * A slot that a thief has read may be overwritten before its CAS; then head has moved and the CAS fails. An
 * index that wraps all the way between a thief's load and its CAS would need 2^32 puts in that time.
 *
 * The holder hands the older half of a full ring to the global queue, which also takes what becomes ready
 * outside of any processor. It is looked at every TURN switches at least, and whenever the own queue is
 * empty. It is two lists under rt.lock: tasks that have begun, and fresh ones. Those that have begun go
 * first, all but every fourth time: a program that starts tasks faster than they can run finishes what it has
 * begun, with the stacks that are in use, and a task whose sleep is over does not queue behind a million that
 * have not started.
 */
#include "sched/sched.h"

enum { FRESH_FIRST = 4, AHEAD = 4 };

/*
 * The lists are long and cold, and a list is followed one miss at a time. So a fresh task, whose timer is not
 * in use, points with it to the task AHEAD places behind it, as a hint what to fetch. Where nobody has set it
 * there is garbage, which is good enough to prefetch.
 */
static void set_hint(struct weft__task *t, struct weft__task *ahead)
{
	t->timer.next = &ahead->timer;
}

static void follow_hint(const struct weft__task *t)
{
	uintptr_t timer = (uintptr_t)t->timer.next;

	__builtin_prefetch((const void *)timer);
	__builtin_prefetch((const void *)(timer - offsetof(struct weft__task, timer)));
}

void weft__proc_init(struct weft__proc *p, uint32_t index, weft_time_t now)
{
	p->index = index;
	p->random = index * 2654435761u + 1;
	p->turn_length = p->turn_end = 1;
	p->turn_started = now;
	weft__wheel_init(&p->wheel, now);
}

void weft__global_put(struct weft__list *list, bool fresh)
{
	struct weft__list *queue = fresh ? &rt.fresh : &rt.begun;

	if (list->first == NULL)
		return;
	lock_acquire(&rt.lock);
	if (queue->last != NULL)
		queue->last->link = list->first;
	else
		queue->first = list->first;
	queue->last = list->last;
	at_store(&queue->count, queue->count + list->count, RELAXED);
	at_store(&rt.global_count, rt.begun.count + rt.fresh.count, RELEASE);
	lock_release(&rt.lock);
	*list = (struct weft__list){ NULL, NULL, 0 };
}

NOINLINE void weft__queue_overflow(struct weft__proc *p, struct weft__task *t)
{
	struct weft__list begun = { NULL, NULL, 0 }, fresh = { NULL, NULL, 0 };
	struct weft__task *old, *last[AHEAD] = { NULL };

	for (int i = 0; i < RING / 2 && (old = queue_take(p)) != NULL; i++) {
		if (at_load(&old->sp, RELAXED) != NULL) {
			list_add(&begun, old);
			continue;
		}
		if (fresh.count >= AHEAD)
			set_hint(last[fresh.count % AHEAD], old);
		last[fresh.count % AHEAD] = old;
		list_add(&fresh, old);
	}
	list_add(at_load(&t->sp, RELAXED) == NULL ? &fresh : &begun, t);
	weft__global_put(&begun, false);
	weft__global_put(&fresh, true);
}

/* Moves up to n tasks from one list to the end of another. */
static uint32_t move(struct weft__list *to, struct weft__list *from, uint32_t n)
{
	struct weft__task *t;
	uint32_t moved = 0;

	while (moved < n && (t = from->first) != NULL) {
		if (from == &rt.fresh)
			follow_hint(t);
		from->first = t->link;
		if (from->first == NULL)
			from->last = NULL;
		at_store(&from->count, from->count - 1, RELAXED);
		list_add(to, t);
		moved++;
	}
	return moved;
}

struct weft__task *weft__global_take(struct weft__proc *p, uint32_t most)
{
	struct weft__list list = { NULL, NULL, 0 };
	struct weft__task *t;
	uint32_t n;
	bool fresh_first;

	if (at_load(&rt.global_count, ACQUIRE) == 0)
		return NULL;
	lock_acquire(&rt.lock);
	n = (rt.begun.count + rt.fresh.count) / rt.nprocs + 1;
	if (n > most)
		n = most;
	fresh_first = ++p->takes % FRESH_FIRST == 0;
	n -= move(&list, fresh_first ? &rt.fresh : &rt.begun, n);
	move(&list, fresh_first ? &rt.begun : &rt.fresh, n);
	at_store(&rt.global_count, rt.begun.count + rt.fresh.count, RELEASE);
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
