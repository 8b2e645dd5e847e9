/* context.h - what other rooms need of a context: the limit that it puts on a wait. */
#ifndef WEFT_SYNC_CONTEXT_H
#define WEFT_SYNC_CONTEXT_H

#include <weft/context.h>

#include "sched/sched.h"

/* A context begins with its cancel source. */
ALWAYS_INLINE struct weft__limit limit_ctx(weft_context_t *ctx)
{
	return (struct weft__limit){ WEFT_NEVER, (struct weft__cancel *)(void *)ctx };
}

#endif /* WEFT_SYNC_CONTEXT_H */
