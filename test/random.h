/* random.h - random choices of the stress tests, and how much they do; both can be set to repeat a run. */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include "test.h"

#include "base/choose.h"

#define random_next choose_random

/* A number below n; n > 0. */
static inline uint32_t below(uint32_t *state, uint32_t n)
{
	return (uint32_t)((uint64_t)random_next(state) * n >> 32);
}

/* WEFT_TEST_SEED, or one of its own; printed, to repeat a run's choices (not its schedule). */
static inline uint32_t test_seed(void)
{
	const char *text = getenv("WEFT_TEST_SEED");
	uint32_t seed = (uint32_t)(weft_now() ^ getpid()) | 1;

	if (text != NULL && *text != '\0')
		seed = (uint32_t)strtoul(text, NULL, 10) | 1;
	fprintf(stderr, "WEFT_TEST_SEED=%u\n", (unsigned)seed);
	return seed;
}

/* The start of the n-th stream of a seed. */
static inline uint32_t random_stream(uint32_t seed, uint32_t n)
{
	uint32_t state = (seed + n * 2654435769u) | 1;

	for (int i = 0; i < 4; i++)
		random_next(&state);
	return state;
}

/* WEFT_TEST_OPS, or n, scaled. */
static inline unsigned test_ops(unsigned n)
{
	const char *text = getenv("WEFT_TEST_OPS");

	return text != NULL && *text != '\0' ? (unsigned)strtoul(text, NULL, 10) : test_scaled(n);
}

#endif /* TEST_RANDOM_H */
