/*
 * alloc.h - the runtime's own memory; every failure is an ordinary result.
 *
 * Debug builds can make allocations fail: WEFT_FAIL_ALLOC=N lets N succeed and fails all later ones,
 * weft__alloc_fail_after does the same for one test.
 */
#ifndef WEFT_BASE_ALLOC_H
#define WEFT_BASE_ALLOC_H

#include "base/base.h"

/* Zeroed memory, aligned to a cache line; NULL when there is none. Freed with weft__free. */
void *weft__alloc(size_t size);
/* The same, not zeroed. */
void *weft__alloc_unset(size_t size);
void weft__free(void *memory);

/*
 * True when the allocation that is about to be made must fail. Everything that gets memory asks: the heap,
 * the stack arenas, the slabs, thread creation.
 */
bool weft__alloc_must_fail(void);

/* From now on n allocations succeed, then all fail; a negative n: none fails any more. */
void weft__alloc_fail_after(int64_t n);

#endif /* WEFT_BASE_ALLOC_H */
