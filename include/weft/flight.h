/*
 * weft/flight.h - singleflight: callers who want the same thing at the same time share one call.
 *
 *     static weft_flight_t flight = WEFT_FLIGHT_INIT;
 *
 *     static int load(void *key, void **result);          // slow
 *
 *     err = weft_flight_do(&flight, key, strlen(key), load, key, &result, NULL);
 */
#ifndef WEFT_FLIGHT_H
#define WEFT_FLIGHT_H

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

/* Zeroed memory is a valid, empty one. It may be freed when no call is in it. */
typedef struct weft_flight {
	uint32_t weft__lock;
	uint32_t weft__reserved;
	void *weft__calls;
} weft_flight_t;
#define WEFT_FLIGHT_INIT                                                                                     \
	{                                                                                                    \
		0, 0, NULL                                                                                   \
	}

/* What is shared: an int that is returned as it is, and a pointer through *result, which is NULL at first. */
typedef int weft_flight_fn_t(void *arg, void **result);

/*
 * Runs fn(arg, result) unless a call with the same key (key_size bytes, which are copied and compared) runs:
 * then waits for that one. All of them return what fn returned, with *result (result may be NULL) as fn left
 * it; whose what it points to is, is up to them. *shared (may be NULL): how many callers got this result
 * beside this one. Once fn has returned the next call with the key runs anew.
 *
 * Deadline and context bound only the wait for another's fn: -ETIMEDOUT, or the error of the context; fn goes
 * on, and so do the others. With a context that is cancelled already fn is not begun. Also -ENOMEM or
 * -EAGAIN, as weft_go, without running fn. After these *result and *shared are as before. Panics when fn
 * calls it for the key that it runs for. Any thread; parks a task while another runs fn; fn may park. Memory
 * order: all that fn did happens before every return of its result. Cost: in proportion to the calls under
 * way; keys of more than 64 bytes cost an allocation.
 */
WEFT_API int weft_flight_do(weft_flight_t *flight, const void *key, size_t key_size, weft_flight_fn_t *fn,
	void *arg, void **result, int *shared);
WEFT_API int weft_flight_do_until(weft_flight_t *flight, const void *key, size_t key_size,
	weft_flight_fn_t *fn, void *arg, void **result, int *shared, weft_time_t deadline);
WEFT_API int weft_flight_do_ctx(weft_flight_t *flight, const void *key, size_t key_size, weft_flight_fn_t *fn,
	void *arg, void **result, int *shared, weft_context_t *ctx);

/*
 * The next call with this key runs anew, even while one is under way; that one goes on, for those who wait
 * for it. Any thread; never parks.
 */
WEFT_API void weft_flight_forget(weft_flight_t *flight, const void *key, size_t key_size);

WEFT_EXTERN_C_END

#endif /* WEFT_FLIGHT_H */
