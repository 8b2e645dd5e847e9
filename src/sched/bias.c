/* bias.c - the slow half of bias.h. */
#include "sched/bias.h"

/* Takes the bias from its owner. Requires the word. */
static COLD void revoke(struct weft__bias *b, struct weft__thread *owner)
{
	at_store(&b->owner, NULL, RELAXED);
	heavy_barrier(); /* owner before section: pairs with the light barrier in bias_acquire */
	/* Acquire: what the owner did in its sections. */
	for (int i = 1; at_load(&owner->section, ACQUIRE) == b; i++)
		spin_wait(i);
	if (b->needed < BIAS_NEEDED_MOST)
		b->needed = (uint16_t)(b->needed * 4 < BIAS_NEEDED_MOST ? b->needed * 4 : BIAS_NEEDED_MOST);
	b->last = 0;
	b->streak = 0;
}

NOINLINE void weft__bias_acquire_slow(struct weft__thread *self, struct weft__bias *b)
{
	uint32_t tid = self != NULL ? (uint32_t)self->tid : 0;
	struct weft__thread *owner;

	if (self != NULL)
		at_store(&self->section, NULL, RELAXED);
	weft__lock_polite(&b->lock);
	owner = at_load(&b->owner, RELAXED);
	if (unlikely(owner != NULL))
		revoke(b, owner);
	if (b->last != tid) {
		b->last = tid;
		b->streak = 0;
	} else if (unlikely(++b->streak >= b->needed) && self != NULL && weft__barriers_unequal) {
		b->streak = 0;
		at_store(&b->owner, self, RELAXED);
	}
}
