/* flight.h - the record of a call under way; here for tests, which count who waits on it. */
#ifndef WEFT_SYNC_FLIGHT_H
#define WEFT_SYNC_FLIGHT_H

#include <weft/flight.h>

#include "sched/waitq.h"

enum { FLIGHT_SHORT_KEY = 64 };

/* On the stack of the caller who runs fn; under the flight's lock. */
struct weft__call {
	struct weft__call *next, *prev; /* in the flight's list, newest first */
	bool listed;
	void *followers; /* waiters */
	const void *key;
	size_t key_size;
	uint64_t runner;
	char short_key[FLIGHT_SHORT_KEY];
};

#endif /* WEFT_SYNC_FLIGHT_H */
