/*
 * choose.h - the seam "what comes next": every choice that the scheduler is free to make goes through here.
 *
 * The plain build takes a cheap random number; the chaos build makes rare orders common. A controlled build
 * replaces this header's one function by a seeded, replayable strategy.
 */
#ifndef WEFT_BASE_CHOOSE_H
#define WEFT_BASE_CHOOSE_H

#include "base/base.h"

enum choose_kind {
	CHOOSE_VICTIM, /* whom to steal from first */
	CHOOSE_CASE,   /* which of the ready cases of a select */
	CHOOSE_YIELD,  /* chaos: whether to give up the processor here */
	CHOOSE_MIGRATE /* chaos: whether a ready task goes to the global queue */
};

/* xorshift32 (Marsaglia, 2003); the state is never 0. */
ALWAYS_INLINE uint32_t choose_random(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

/* A number below n (n > 0). */
ALWAYS_INLINE uint32_t choose(enum choose_kind kind, uint32_t n, uint32_t *state)
{
	(void)kind;
	return (uint32_t)(((uint64_t)choose_random(state) * n) >> 32);
}

#endif /* WEFT_BASE_CHOOSE_H */
