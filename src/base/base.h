/*
 * base.h - the words that every file of weft uses: branch hints, sizes, checks.
 */
#ifndef WEFT_BASE_BASE_H
#define WEFT_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/base.h>

#include "base/hooks.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define COLD __attribute__((cold, noinline))
/* Not inlined, and its callers learn nothing from its body: not what it keeps, nor what it returns. */
#if defined(__clang__)
#define OPAQUE NOINLINE
#else
#define OPAQUE __attribute__((noipa))
#endif

/* For variables of the library that a header declares: the compiler may address them directly. */
#define INTERNAL __attribute__((visibility("hidden")))

#define CACHE_LINE 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* align is a power of two. */
#define ALIGN_UP(n, align) (((n) + (align)-1) & ~((align)-1))

/* An internal invariant; checked in debug builds. */
#if defined(WEFT_DEBUG) && WEFT_DEBUG
#define ASSERT(cond)                                                                                         \
	do {                                                                                                 \
		if (unlikely(!(cond)))                                                                       \
			weft__panic("weft is broken: %s (%s:%d)", #cond, __FILE__, __LINE__);                \
	} while (0)
#else
#define ASSERT(cond)                                                                                         \
	do {                                                                                                 \
		(void)sizeof(cond);                                                                          \
	} while (0)
#endif

#endif /* WEFT_BASE_BASE_H */
