#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

#if defined(WEFT_DEBUG) && WEFT_DEBUG
static int64_t left = INT64_MIN; /* INT64_MIN: the environment was not asked yet; negative: never fail */

bool weft__alloc_must_fail(void)
{
	int64_t n = at_load(&left, RELAXED);

	if (n == INT64_MIN) {
		const char *env = getenv("WEFT_FAIL_ALLOC");
		int64_t start = env != NULL && *env != '\0' ? atoll(env) : -1;
		at_cas(&left, &n, start, RELAXED, RELAXED);
		n = at_load(&left, RELAXED);
	}
	while (n > 0)
		if (at_cas(&left, &n, n - 1, RELAXED, RELAXED))
			return false;
	return n == 0;
}

void weft__alloc_fail_after(int64_t n)
{
	at_store(&left, n < 0 ? -1 : n, RELAXED);
}
#else
bool weft__alloc_must_fail(void)
{
	return false;
}

void weft__alloc_fail_after(int64_t n)
{
	(void)n;
}
#endif

void *weft__alloc_unset(size_t size)
{
	if (weft__alloc_must_fail())
		return NULL;
	return aligned_alloc(CACHE_LINE, ALIGN_UP(size, (size_t)CACHE_LINE));
}

void *weft__alloc(size_t size)
{
	void *memory = weft__alloc_unset(size);

	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

void weft__free(void *memory)
{
	free(memory);
}
