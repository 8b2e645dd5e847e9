/*
 * barrier.h - a store-load fence in two unequal halves, for a flag that is looked at often and set rarely.
 *
 *     often                       rarely
 *     store A; light; load B      store B; heavy; load A
 *
 * At least one of them sees the other's store. The light half costs nothing where the kernel offers
 * membarrier.
 */
#ifndef WEFT_OS_BARRIER_H
#define WEFT_OS_BARRIER_H

#include "base/atomic.h"
#include "os/os.h"

ALWAYS_INLINE void light_barrier(void)
{
	if (likely(weft__barriers_unequal))
		compiler_barrier();
	else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

ALWAYS_INLINE void heavy_barrier(void)
{
	if (likely(weft__barriers_unequal))
		weft__os_barrier();
	else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif /* WEFT_OS_BARRIER_H */
