/*
 * weft/select.h - waiting for whichever of several things comes first.
 *
 *     WEFT_SELECT {
 *         WEFT_CASE_RECV (jobs, &job) {
 *             if (WEFT_SELECT_RESULT == 0)         // jobs is closed
 *                 return;
 *             work(job);
 *         }
 *         WEFT_CASE_SEND (results, &result)
 *             result = next_result();
 *         WEFT_CASE_FD (socket, WEFT_READABLE)
 *             serve(socket);
 *         WEFT_CASE_DONE (ctx)
 *             return;
 *         WEFT_CASE_TIME (weft_deadline_in(WEFT_S(1)))
 *             puts("nothing for a second");
 *     }
 *
 * One case is chosen, uniformly at random among those that are ready; when none is, the task waits. The
 * chosen send or receive has been done when the statement of its case runs. `break` and `continue` leave the
 * select, `break` as in a switch, and no case falls through to the next. The cases are written once and their
 * arguments evaluated once, in order. At most WEFT_SELECT_MAX cases; which ones stand there must not depend
 * on a condition that changes meanwhile (switch a channel off by NULL instead). WEFT_CASE_DEFAULT runs when
 * nothing is ready, and makes the select not wait. On a plain thread that cannot be made known to weft (no
 * memory) the block panics.
 *
 * The array form takes up to 65,536 cases, made at run time:
 *
 *     weft_case_t cases[] = { WEFT_ON_RECV(jobs, &job), WEFT_ON_DONE(ctx) };
 *     int chosen = weft_select(cases, 2);
 *
 * Rules. A case with a NULL channel or context is never ready. A case that receives from a closed channel is
 * ready; one that sends on a closed channel panics when it is chosen. A select without cases waits for ever.
 * One that holds both ends of an unbuffered channel does not meet itself. Memory order: as for the call that
 * was chosen.
 *
 * Cost: it looks at all cases without a lock first, and then locks only the channel that is ready. To wait,
 * it queues on one channel after the other and never holds two locks.
 */
#ifndef WEFT_SELECT_H
#define WEFT_SELECT_H

#include <weft/base.h>
#include <weft/chan.h>
#include <weft/task.h>

WEFT_EXTERN_C_BEGIN

/* What a case waits for. */
enum weft_case_op {
	WEFT_OP_NONE, /* never ready */
	WEFT_OP_SEND,
	WEFT_OP_RECV,
	WEFT_OP_DONE, /* a context is cancelled */
	WEFT_OP_TIME, /* a time has come */
	WEFT_OP_FD    /* a descriptor is ready */
};

/* One case. Make it by the WEFT_ON_ macros or weft_case_on; a zeroed one is never ready. */
typedef struct weft_case {
	void *weft__object; /* channel or context */
	void *weft__elem;
	int64_t weft__time; /* or the descriptor */
	uint16_t op;        /* enum weft_case_op */
	uint16_t events;    /* of a descriptor: wanted */
	int32_t result;     /* of the chosen case: what the call would have returned */
} weft_case_t;

/*
 * Waits until one of the n cases is ready, does it, and returns its index; cases[index].result is what the
 * call by itself would have returned. A descriptor that cannot be waited for counts as ready: its result is
 * -EBADF, -EINVAL or -ENOMEM. _until: -ETIMEDOUT at the deadline; _ctx: the error of the context; try:
 * -EAGAIN when none is ready. -EINVAL for more than 65,536 cases. For more than 64 cases that have to wait
 * memory is taken from the heap: -ENOMEM. On a plain thread also -ENOMEM and -EAGAIN, as weft_go. Any thread;
 * parks a task.
 */
WEFT_API int weft_select(weft_case_t *cases, size_t n);
WEFT_API int weft_select_until(weft_case_t *cases, size_t n, weft_time_t deadline);
WEFT_API int weft_select_ctx(weft_case_t *cases, size_t n, weft_context_t *ctx);
WEFT_API int weft_select_try(weft_case_t *cases, size_t n);

/* The typed cases: a pointer of another type than the channel's element does not compile. */
#define WEFT_ON_SEND(ch, pointer)                                                                            \
	weft_case_on(WEFT_OP_SEND, WEFT__UNTYPED(ch), WEFT__SEND_POINTER(ch, pointer), 0, 0)
#define WEFT_ON_RECV(ch, pointer)                                                                            \
	weft__case_recv(WEFT__UNTYPED(ch), WEFT__RECV_POINTER(ch, pointer))
#define WEFT_ON_DONE(ctx) weft__case_done(ctx)
#define WEFT_ON_TIME(deadline) weft_case_on(WEFT_OP_TIME, NULL, NULL, (deadline), 0)
#define WEFT_ON_FD(fd, events) weft_case_on(WEFT_OP_FD, NULL, NULL, (fd), (events))

/* A case from its parts. time: the deadline, or the descriptor. */
WEFT_UNUSED static inline weft_case_t weft_case_on(
	enum weft_case_op op, void *object, const void *elem, int64_t time, unsigned events)
{
	weft_case_t c;

	c.weft__object = object;
	c.weft__elem = (void *)(uintptr_t)elem;
	c.weft__time = time;
	c.op = (uint16_t)op;
	c.events = (uint16_t)(events > 0xffff ? 0xffff : events);
	c.result = 0;
	return c;
}

/* Not by way of a const pointer: the compiler is to know that the element will be set. */
WEFT_UNUSED static inline weft_case_t weft__case_recv(weft_chan_t *ch, void *elem)
{
	return weft_case_on(WEFT_OP_RECV, ch, elem, 0, 0);
}

WEFT_UNUSED static inline weft_case_t weft__case_done(weft_context_t *ctx)
{
	return weft_case_on(WEFT_OP_DONE, ctx, NULL, 0, 0);
}

/* ---- the block form ---- */

#define WEFT_SELECT_MAX 16

/*
 * The block runs twice: first each case only adds itself, then, after the select, the chosen one runs.
 */
struct weft__select {
	int step;      /* 0: before, 1: the cases add themselves, 2: the chosen one runs */
	int n;         /* cases so far in this step */
	int chosen;    /* index */
	int otherwise; /* index of the default, -1: none */
	weft_case_t cases[WEFT_SELECT_MAX];
};
/* True: run the block (once more). */
WEFT_API int weft__select_step(struct weft__select *s, const char *site);
WEFT_API void weft__select_overflow(const char *site);

WEFT_UNUSED static inline int weft__select_case(struct weft__select *s, weft_case_t c, const char *site)
{
	if (s->n >= WEFT_SELECT_MAX)
		weft__select_overflow(site);
	s->cases[s->n++] = c;
	return 0;
}

WEFT_UNUSED static inline int weft__select_default(struct weft__select *s, const char *site)
{
	s->otherwise = s->n;
	return weft__select_case(s, weft_case_on(WEFT_OP_NONE, NULL, NULL, 0, 0), site);
}

WEFT_UNUSED static inline struct weft__select *weft__select_begin(struct weft__select *s)
{
	s->step = 0;
	s->otherwise = -1;
	return s;
}

#define WEFT_SELECT                                                                                          \
	for (struct weft__select weft__cases, *weft__select = weft__select_begin(&weft__cases);              \
		weft__select_step(weft__select, WEFT_HERE);)
#define WEFT__CASE(add)                                                                                      \
	if (!(weft__select->step == 1 ? (add) : weft__select->n++ == weft__select->chosen)) {                \
	} else
#define WEFT_CASE_SEND(ch, pointer)                                                                          \
	WEFT__CASE(weft__select_case(weft__select, WEFT_ON_SEND(ch, pointer), WEFT_HERE))
#define WEFT_CASE_RECV(ch, pointer)                                                                          \
	WEFT__CASE(weft__select_case(weft__select, WEFT_ON_RECV(ch, pointer), WEFT_HERE))
#define WEFT_CASE_DONE(ctx) WEFT__CASE(weft__select_case(weft__select, WEFT_ON_DONE(ctx), WEFT_HERE))
#define WEFT_CASE_TIME(deadline)                                                                             \
	WEFT__CASE(weft__select_case(weft__select, WEFT_ON_TIME(deadline), WEFT_HERE))
#define WEFT_CASE_FD(fd, events)                                                                             \
	WEFT__CASE(weft__select_case(weft__select, WEFT_ON_FD(fd, events), WEFT_HERE))
#define WEFT_CASE_DEFAULT WEFT__CASE(weft__select_default(weft__select, WEFT_HERE))
/*
 * In a case: what the call would have returned. For a receive 1, or 0 when the channel is closed and empty;
 * for a descriptor its events, or a negative error.
 */
#define WEFT_SELECT_RESULT (weft__select->cases[weft__select->chosen].result)

WEFT_EXTERN_C_END

#endif /* WEFT_SELECT_H */
