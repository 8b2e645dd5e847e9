/*
 * atomic.h - atomic access to plain fields, each with its order named at the place of use.
 *
 * The builtins work on plain objects, so that public structs need no _Atomic. A field that is accessed
 * atomically anywhere is accessed atomically everywhere, but for its initialisation.
 */
#ifndef WEFT_BASE_ATOMIC_H
#define WEFT_BASE_ATOMIC_H

#include "base/base.h"

#define at_load(p, order) __atomic_load_n((p), __ATOMIC_##order)
#define at_store(p, v, order) __atomic_store_n((p), (v), __ATOMIC_##order)
#define at_xchg(p, v, order) __atomic_exchange_n((p), (v), __ATOMIC_##order)
#define at_add(p, v, order) __atomic_fetch_add((p), (v), __ATOMIC_##order)
#define at_sub(p, v, order) __atomic_fetch_sub((p), (v), __ATOMIC_##order)
#define at_and(p, v, order) __atomic_fetch_and((p), (v), __ATOMIC_##order)
#define at_or(p, v, order) __atomic_fetch_or((p), (v), __ATOMIC_##order)
/* Strong compare-and-swap; *expected is renewed on failure. */
#define at_cas(p, expected, v, ok, fail)                                                                     \
	__atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_##ok, __ATOMIC_##fail)

/* Adds to a counter that has one writer at a time; readers load it relaxed. No locked operation. */
#define at_bump(p, n) at_store((p), at_load((p), RELAXED) + (n), RELAXED)

ALWAYS_INLINE void compiler_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

#endif /* WEFT_BASE_ATOMIC_H */
