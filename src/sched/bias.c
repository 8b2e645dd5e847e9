/* bias.c - the slow half of bias.h. */
#include "sched/bias.h"

/* In pauses of the processor, of about ten nanoseconds each. */
enum {
	WATCH = 16,   /* how long to watch whether the owner uses the lock all the time */
	LEASE = 256,  /* how long it may go on then, before it is asked */
	ANSWER = 320, /* how long to wait for its answer */
	SLICE = 16    /* how often to answer others meanwhile */
};

/* Stands in weft__thread.asked while its thread answers. */
static struct weft__bias answering;

static struct weft__thread *wanted_from(const struct weft__thread *owner)
{
	return (struct weft__thread *)((uintptr_t)owner | 1);
}

/* Hands it over if another has asked for it. */
static void hand_over(struct weft__thread *self, struct weft__bias *b)
{
	struct weft__thread *wanted = wanted_from(self);

	/* Release: what this thread did in its sections. */
	if (at_load(&b->owner, RELAXED) == wanted)
		at_cas(&b->owner, &wanted, NULL, RELEASE, RELAXED);
}

NOINLINE void weft__bias_answer(struct weft__thread *self)
{
	struct weft__bias *b = NULL;

	/* Acquire and release: who sets it again after this has set asked before. */
	at_and(&self->special, ~(uint32_t)SPECIAL_ASKED, ACQUIRE);
	b = at_load(&self->asked, RELAXED);
	/* Acquire: that it is wanted. While `answering` stands there, who asked keeps b alive. */
	if (b != NULL && at_cas(&self->asked, &b, &answering, ACQUIRE, RELAXED)) {
		hand_over(self, b);
		at_store(&self->asked, NULL, RELEASE);
	}
}

/* Asks the owner to look; false: another asks it about something else. */
static bool ask(struct weft__thread *owner, struct weft__bias *b)
{
	struct weft__bias *nothing = NULL;

	if (!at_cas(&owner->asked, &nothing, b, RELEASE, RELAXED))
		return false;
	at_or(&owner->special, SPECIAL_ASKED, RELEASE);
	return true;
}

/* After it, the owner does not touch b for that any more. */
static void ask_no_more(struct weft__thread *owner, struct weft__bias *b)
{
	struct weft__bias *mine = b;

	if (at_cas(&owner->asked, &mine, NULL, RELAXED, RELAXED))
		return;
	/* Acquire: it is done. */
	for (int i = 1; at_load(&owner->asked, ACQUIRE) == &answering; i++)
		spin_wait(i);
}

/* Does not touch the lock: its line stays with the owner. */
static void pauses(struct weft__thread *self, int n)
{
	for (int i = 1; i <= n; i++) {
		weft__pause();
		/* Two that wait for each other must answer each other. */
		if (i % SLICE == 0 && self != NULL)
			answer_if_asked(self);
	}
}

/* Has the owner handed over, within the time that it has for it? */
static bool answers(struct weft__thread *self, struct weft__bias *b)
{
	for (int i = 0; i < ANSWER; i += SLICE) {
		pauses(self, SLICE);
		/* Acquire: what the owner did in its sections. */
		if (at_load(&b->owner, ACQUIRE) == NULL)
			return true;
	}
	return false;
}

/* By force, after owner was set to NULL. */
static COLD void take(struct weft__bias *b)
{
	heavy_barrier(); /* owner before section: pairs with the light half in bias_acquire */
	if (b->needed < BIAS_NEEDED)
		b->needed = BIAS_NEEDED;
	else if (b->needed < BIAS_NEEDED_MOST)
		b->needed = (uint16_t)(b->needed * 4 < BIAS_NEEDED_MOST ? b->needed * 4 : BIAS_NEEDED_MOST);
}

/* Gets the bias from its owner. Requires the word. */
static NOINLINE void revoke(struct weft__thread *self, struct weft__bias *b, struct weft__thread *owner)
{
	uint32_t uses = at_load(&b->last, RELAXED);
	struct weft__thread *wanted = wanted_from(owner);
	bool used, asks, handed;

	pauses(self, WATCH);
	used = at_load(&b->last, RELAXED) != uses;
	if (used)
		pauses(self, LEASE);
	at_store(&b->owner, wanted, RELAXED);
	asks = ask(owner, b);
	/* Acquire, as in answers. */
	handed = answers(self, b) || !at_cas(&b->owner, &wanted, NULL, ACQUIRE, ACQUIRE);
	if (asks)
		ask_no_more(owner, b);
	if (!handed)
		take(b);
	else if (used)
		b->needed = BIAS_NEEDED_LEASED;
	/* Its last section may not be over. Acquire: what it did in it. */
	for (int i = 1; at_load(&owner->section, ACQUIRE) == b; i++)
		spin_wait(i);
	b->last = 0;
	b->streak = 0;
}

NOINLINE void weft__bias_acquire_slow(struct weft__thread *self, struct weft__bias *b)
{
	uint32_t tid = self != NULL ? (uint32_t)self->tid : 0;
	struct weft__thread *owner;

	if (self != NULL) {
		at_store(&self->section, NULL, RELAXED);
		hand_over(self, b);
	} else if (unlikely(at_load(&rt.state, RELAXED) == RT_FORKED)) {
		(void)weft__start(); /* says it: the owner is not in this process */
	}
	weft__lock_polite(&b->lock);
	owner = at_load(&b->owner, RELAXED);
	if (unlikely(owner != NULL))
		revoke(self, b, owner);
	if (b->last != tid) {
		b->last = tid;
		b->streak = 0;
	} else if (unlikely(++b->streak >= b->needed) && self != NULL && weft__barriers_unequal) {
		b->streak = 0;
		at_store(&b->owner, self, RELAXED);
	}
}
