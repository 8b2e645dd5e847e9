/*
 * probe.h - the seam "what happened": spawn, exit, park, ready.
 *
 * Always compiled; off unless a tool fills the table. Whoever reports checks one flag that is read on slow
 * paths only. A probe runs inside the runtime: it must not call weft, block or take long.
 */
#ifndef WEFT_BASE_PROBE_H
#define WEFT_BASE_PROBE_H

#include "base/atomic.h"

struct weft__task;

struct weft__probes {
	void (*spawn)(struct weft__task *task);
	void (*exit)(struct weft__task *task);
	void (*park)(struct weft__task *task, const char *reason);
	void (*ready)(struct weft__task *task);
};

/* NULL: nobody listens. Published with release once, before tasks run or with a complete table. */
extern const struct weft__probes *weft__probes INTERNAL;

#define PROBE(what, ...)                                                                                     \
	do {                                                                                                 \
		const struct weft__probes *probes_ = at_load(&weft__probes, ACQUIRE);                        \
		if (unlikely(probes_ != NULL))                                                               \
			probes_->what(__VA_ARGS__);                                                          \
	} while (0)

#endif /* WEFT_BASE_PROBE_H */
