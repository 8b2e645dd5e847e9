/*
 * weft/chan.h - channels: values from one task to another, in order, typed by the compiler.
 *
 *     static void squares(void *arg)
 *     {
 *         WEFT_CHAN(int) out = (WEFT_CHAN(int))arg;
 *         for (int i = 1; i <= 10; i++)
 *             WEFT_SEND(out, i * i);
 *         WEFT_CLOSE(out);
 *     }
 *
 *     static void start(void *arg)
 *     {
 *         (void)arg;
 *         WEFT_CHAN(int) ch = WEFT_CHAN_CREATE(int, 0);
 *         if (ch == NULL || weft_go(squares, ch) < 0)
 *             return;
 *         WEFT_RANGE (v, ch)                   // until it is closed and empty
 *             printf("%d\n", v);
 *         WEFT_CHAN_DESTROY(ch);
 *     }
 *
 * A channel has a capacity. With capacity 0 a send waits for its receive; else it waits while the buffer is
 * full. A receive waits while there is nothing. Waiters are served in the order in which they came. Any
 * number may send and receive, from tasks and plain threads.
 *
 * Closing says that nothing more will be sent: receives get what is left in the buffer, then 0 at once. To
 * send on a closed channel, or to close it twice, panics; so do senders that wait when it is closed. The
 * sender closes.
 *
 * NULL is a channel on which every send and receive waits for ever: in a select, a case that is switched off.
 *
 * Memory order: a send happens before its receive returns; a close before a receive that returns 0; on
 * capacity 0 a receive happens before its send returns; on capacity C the k-th receive before the k+C-th send
 * returns.
 *
 * Cost: elements are copied, straight to a waiting receiver or through the buffer; nothing is allocated per
 * message. A task that is woken runs next on its waker's processor; no other thread is woken for it. While
 * the tasks of one worker alone use a channel, no locked operation is needed; when another comes after that,
 * it pays some microseconds once, and more rarely each time.
 *
 * The functions below are the untyped form. The macros after them check types and are what programs use.
 */
#ifndef WEFT_CHAN_H
#define WEFT_CHAN_H

#include <weft/base.h>

WEFT_EXTERN_C_BEGIN

typedef struct weft_chan weft_chan_t;

/*
 * A channel for elements of elem_size bytes (0 is fine), with a buffer for `capacity` of them, both below
 * 2^32; NULL: no memory, or larger than that. The place of the call is named in messages. Any thread; never
 * parks.
 */
WEFT_API weft_chan_t *weft_chan_create(size_t elem_size, size_t capacity);
WEFT_API weft_chan_t *weft_chan_create_at(size_t elem_size, size_t capacity, const char *site);
#define weft_chan_create(elem_size, capacity) weft_chan_create_at((elem_size), (capacity), WEFT_HERE)

/* What a channel may have beyond. Zero every field that is not used. */
typedef struct weft_chan_options {
	size_t size;                         /* sizeof(weft_chan_options_t) */
	const char *name;                    /* for messages; must live as long as the channel */
	void (*drop)(void *elem, void *arg); /* gets each element that is destroyed without a receive */
	void *drop_arg;
	const char *site; /* the place to name; NULL: that of the call */
	void *reserved[4];
} weft_chan_options_t;
/* The same with options (NULL: none). NULL also for a struct size that it does not know. */
WEFT_API weft_chan_t *weft_chan_create_with(
	const weft_chan_options_t *options, size_t elem_size, size_t capacity);
WEFT_API weft_chan_t *weft_chan_create_with_at(
	const weft_chan_options_t *options, size_t elem_size, size_t capacity, const char *site);
#define weft_chan_create_with(options, elem_size, capacity)                                                  \
	weft_chan_create_with_at((options), (elem_size), (capacity), WEFT_HERE)

/*
 * Frees the channel, after its drop function has had what is left in the buffer. NULL is fine. Panics when
 * somebody waits on it, and says how many. No one may use the channel any more; but what a call on it has
 * told may be acted on at once, while the other side is still on its way out: who has received the last
 * element, or seen that it is closed, may destroy it.
 */
WEFT_API void weft_chan_destroy(weft_chan_t *ch);

/*
 * Sends a copy of *elem: 0. Panics when the channel is closed, or is closed while it waits. Any thread; parks
 * a task. _until: -ETIMEDOUT at the deadline; _ctx: the error of the context; try: -EAGAIN when it would have
 * to wait. After an error the element was not sent. A plain thread that weft does not know yet also gets
 * -ENOMEM or -EAGAIN, as weft_go, when it would have to wait.
 */
WEFT_API int weft_chan_send(weft_chan_t *ch, const void *elem);
WEFT_API int weft_chan_send_until(weft_chan_t *ch, const void *elem, weft_time_t deadline);
WEFT_API int weft_chan_send_ctx(weft_chan_t *ch, const void *elem, weft_context_t *ctx);
WEFT_API int weft_chan_try_send(weft_chan_t *ch, const void *elem);

/*
 * Receives into *elem (NULL: the element is thrown away, the drop function does not see it): 1 with an
 * element, 0 when the channel is closed and empty; then *elem is zeroed. Any thread; parks a task. Errors as
 * for send; they leave *elem as it was.
 */
WEFT_API int weft_chan_recv(weft_chan_t *ch, void *elem);
WEFT_API int weft_chan_recv_until(weft_chan_t *ch, void *elem, weft_time_t deadline);
WEFT_API int weft_chan_recv_ctx(weft_chan_t *ch, void *elem, weft_context_t *ctx);
WEFT_API int weft_chan_try_recv(weft_chan_t *ch, void *elem);

/*
 * Closes the channel: all that wait to receive go on. Panics when it is closed, or NULL. Any thread; never
 * parks.
 */
WEFT_API void weft_chan_close(weft_chan_t *ch);

/* How many elements are in the buffer, and how many fit. 0 for NULL. A snapshot. Any thread; never blocks. */
WEFT_API size_t weft_chan_len(const weft_chan_t *ch);
WEFT_API size_t weft_chan_cap(const weft_chan_t *ch);

/*
 * Typed channels. WEFT_CHAN(T) is the type of a handle: a pointer that no other element type's handle is
 * compatible with, to be declared, passed, stored and compared with NULL like any other, and cast to and from
 * void *. T is any type that can be assigned. A value of another type is converted as by assignment; a
 * pointer to another type does not compile.
 *
 *     WEFT_CHAN_CREATE(T, capacity)        WEFT_CHAN_CREATE_WITH(options, T, capacity)
 *     WEFT_SEND(ch, value)                 WEFT_RECV(ch, pointer)           pointer: T *, or NULL
 *     WEFT_SEND_UNTIL(ch, value, deadline) WEFT_RECV_UNTIL(ch, pointer, deadline)
 *     WEFT_SEND_CTX(ch, value, ctx)        WEFT_RECV_CTX(ch, pointer, ctx)
 *     WEFT_TRY_SEND(ch, value)             WEFT_TRY_RECV(ch, pointer)
 *     WEFT_CLOSE(ch)  WEFT_CHAN_LEN(ch)  WEFT_CHAN_CAP(ch)  WEFT_CHAN_DESTROY(ch)
 *     WEFT_RANGE (name, ch) statement      for each element until the end; declares `T name`
 *     WEFT_UNTYPED(ch)                     the weft_chan_t *
 */
#define WEFT_CHAN(T) __typeof__(__typeof__(T) *(*)[WEFT__CHAN_MARK])
/* No array has this length: it only makes the pointer's type one of its own. */
#define WEFT__CHAN_MARK 29663
#define WEFT__CHAN_ELEM(ch) __typeof__(***(ch))

#define WEFT_UNTYPED(ch) WEFT__UNTYPED(ch)
#define WEFT_CHAN_CREATE(T, capacity)                                                                        \
	((WEFT_CHAN(T))(void *)weft_chan_create_at(sizeof(T), (capacity), WEFT_HERE))
#define WEFT_CHAN_CREATE_WITH(options, T, capacity)                                                          \
	((WEFT_CHAN(T))(void *)weft_chan_create_with_at((options), sizeof(T), (capacity), WEFT_HERE))
#define WEFT_CHAN_DESTROY(ch) weft_chan_destroy(WEFT__UNTYPED(ch))
#define WEFT_CLOSE(ch) weft_chan_close(WEFT__UNTYPED(ch))
#define WEFT_CHAN_LEN(ch) weft_chan_len(WEFT__UNTYPED(ch))
#define WEFT_CHAN_CAP(ch) weft_chan_cap(WEFT__UNTYPED(ch))

#define WEFT__WITH_VALUE(ch, value, call)                                                                    \
	__extension__({                                                                                      \
		WEFT__CHECK_VALUE(ch, value);                                                                \
		WEFT__CHAN_ELEM(ch) weft__value = (value);                                                   \
		call;                                                                                        \
	})
#define WEFT_SEND(ch, value) WEFT__WITH_VALUE(ch, value, weft_chan_send(WEFT__UNTYPED(ch), &weft__value))
#define WEFT_SEND_UNTIL(ch, value, deadline)                                                                 \
	WEFT__WITH_VALUE(ch, value, weft_chan_send_until(WEFT__UNTYPED(ch), &weft__value, (deadline)))
#define WEFT_SEND_CTX(ch, value, ctx)                                                                        \
	WEFT__WITH_VALUE(ch, value, weft_chan_send_ctx(WEFT__UNTYPED(ch), &weft__value, (ctx)))
#define WEFT_TRY_SEND(ch, value)                                                                             \
	WEFT__WITH_VALUE(ch, value, weft_chan_try_send(WEFT__UNTYPED(ch), &weft__value))

#define WEFT_RECV(ch, pointer) weft_chan_recv(WEFT__UNTYPED(ch), WEFT__RECV_POINTER(ch, pointer))
#define WEFT_RECV_UNTIL(ch, pointer, deadline)                                                               \
	weft_chan_recv_until(WEFT__UNTYPED(ch), WEFT__RECV_POINTER(ch, pointer), (deadline))
#define WEFT_RECV_CTX(ch, pointer, ctx)                                                                      \
	weft_chan_recv_ctx(WEFT__UNTYPED(ch), WEFT__RECV_POINTER(ch, pointer), (ctx))
#define WEFT_TRY_RECV(ch, pointer) weft_chan_try_recv(WEFT__UNTYPED(ch), WEFT__RECV_POINTER(ch, pointer))

#define WEFT_RANGE(name, ch) for (WEFT__CHAN_ELEM(ch) name; WEFT_RECV(ch, &name) > 0;)

WEFT_EXTERN_C_END

/* The checks: that ch is a typed handle, and that the pointer is one to its element type. */
#if defined(__cplusplus)
template <class T> static inline weft_chan_t *weft__chan_of(T *(*ch)[WEFT__CHAN_MARK])
{
	return reinterpret_cast<weft_chan_t *>(ch);
}
template <class T> struct weft__same {
	typedef T type;
};
template <class T>
static inline T *weft__pointer(T *(*)[WEFT__CHAN_MARK], typename weft__same<T>::type *pointer)
{
	return pointer;
}
template <class T>
static inline const T *weft__const_pointer(
	T *(*)[WEFT__CHAN_MARK], const typename weft__same<T>::type *pointer)
{
	return pointer;
}
#define WEFT__UNTYPED(ch) weft__chan_of(ch)
#define WEFT__CHECK_VALUE(ch, value) (void)0
#define WEFT__RECV_POINTER(ch, pointer) weft__pointer((__typeof__(ch))0, (pointer))
#define WEFT__SEND_POINTER(ch, pointer) weft__const_pointer((__typeof__(ch))0, (pointer))
#else
#define WEFT__UNTYPED(ch)                                                                                    \
	((weft_chan_t *)(void *)(1 ? (ch) : (__typeof__(WEFT__CHAN_ELEM(ch) * (*)[WEFT__CHAN_MARK]))0))
/* A pointer sent as a number, or a number as a pointer, would be no more than a warning. */
#define WEFT__CHECK_VALUE(ch, value)                                                                         \
	_Static_assert((__builtin_classify_type(value) == 5) == (__builtin_classify_type(***(ch)) == 5),     \
		"this channel is for elements of another type")
#define WEFT__RECV_POINTER(ch, pointer)                                                                      \
	_Generic((pointer), WEFT__CHAN_ELEM(ch) * : (pointer), void * : (pointer))
#define WEFT__SEND_POINTER(ch, pointer)                                                                      \
	_Generic((pointer), WEFT__CHAN_ELEM(ch) *                                                            \
		 : (pointer), const WEFT__CHAN_ELEM(ch) *                                                    \
		 : (pointer), void *                                                                         \
		 : (pointer))
#endif

#endif /* WEFT_CHAN_H */
