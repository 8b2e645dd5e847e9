/* weft-test: label=valgrind */
/*
 * What channels carry: elements of all sizes, whole and nothing beside them; what is left goes to the drop
 * function; what cannot be created; WEFT_RANGE.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

#if defined(WEFT__ASAN)
/* What is too large is to be an answer and not the end. */
WEFT_API const char *__asan_default_options(void); /* seen by the shared library */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#endif

enum { MARGIN = 16, LARGEST = 4096, MARK = 0xe7 };

/* An element with something on both sides that must stay. */
struct framed {
	unsigned char before[MARGIN];
	unsigned char bytes[LARGEST + MARGIN];
};

static weft_waitgroup_t wg;
static const size_t sizes[] = { 0, 1, 3, 8, 16, 100, 4096 };

static unsigned char content(unsigned n, size_t at)
{
	return (unsigned char)(n * 31 + at * 7 + (at >> 8) + 1);
}

static void frame_clear(struct framed *f)
{
	memset(f, MARK, sizeof *f);
}

static void frame_fill(struct framed *f, size_t size, unsigned n)
{
	frame_clear(f);
	for (size_t i = 0; i < size; i++)
		f->bytes[i] = content(n, i);
}

static void frame_is_whole(const struct framed *f, size_t size)
{
	for (size_t i = 0; i < MARGIN; i++)
		CHECK_EQ(f->before[i], MARK);
	for (size_t i = size; i < sizeof f->bytes; i++)
		CHECK_EQ(f->bytes[i], MARK);
}

static void frame_has(const struct framed *f, size_t size, unsigned n)
{
	frame_is_whole(f, size);
	for (size_t i = 0; i < size; i++)
		CHECK_EQ(f->bytes[i], content(n, i));
}

/* ---- sizes ---- */

WEFT_TASK(send_some, weft_chan_t *, ch, size_t, size, unsigned, count)
{
	struct framed *f = malloc(sizeof *f);

	CHECK(f != NULL);
	for (unsigned n = 0; n < count; n++) {
		frame_fill(f, size, n);
		CHECK_EQ(weft_chan_send(ch, f->bytes), 0);
		frame_has(f, size, n);
		/* It has been copied: what becomes of this memory does not matter. */
		frame_clear(f);
	}
	free(f);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(receive_some, weft_chan_t *, ch, size_t, size, unsigned, count)
{
	struct framed *f = malloc(sizeof *f);

	CHECK(f != NULL);
	for (unsigned n = 0; n < count; n++) {
		frame_clear(f);
		CHECK_EQ(weft_chan_recv(ch, f->bytes), 1);
		frame_has(f, size, n);
	}
	free(f);
	weft_waitgroup_done(&wg);
}

static void carry(size_t size, size_t capacity)
{
	struct framed *f = malloc(sizeof *f);
	weft_chan_t *ch = weft_chan_create(size, capacity);
	enum { COUNT = 20 };

	CHECK(f != NULL && ch != NULL);
	CHECK_EQ(weft_chan_cap(ch), capacity);
	/* The receiver waits first. */
	START(receive_some, ch, size, COUNT);
	WAIT_FOR(waiting() == 1);
	START(send_some, ch, size, COUNT);
	JOIN();
	/* The sender does. */
	START(send_some, ch, size, COUNT);
	WAIT_FOR(waiting() == 1);
	START(receive_some, ch, size, COUNT);
	JOIN();
	/* Errors and the end. */
	frame_clear(f);
	CHECK_EQ(weft_chan_try_recv(ch, f->bytes), -EAGAIN);
	CHECK_EQ(weft_chan_recv_until(ch, f->bytes, 0), -ETIMEDOUT);
	CHECK_EQ(weft_chan_recv_until(ch, f->bytes, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	frame_is_whole(f, 0);
	if (capacity > 0) {
		frame_fill(f, size, 200);
		CHECK_EQ(weft_chan_send(ch, f->bytes), 0);
		weft_chan_close(ch);
		frame_clear(f);
		CHECK_EQ(weft_chan_recv(ch, f->bytes), 1);
		frame_has(f, size, 200);
	} else {
		weft_chan_close(ch);
	}
	for (int i = 0; i < 2; i++) {
		frame_clear(f);
		CHECK_EQ(i == 0 ? weft_chan_recv(ch, f->bytes) : weft_chan_try_recv(ch, f->bytes), 0);
		frame_is_whole(f, size);
		for (size_t at = 0; at < size; at++)
			CHECK_EQ(f->bytes[at], 0);
	}
	weft_chan_destroy(ch);
	free(f);
}

/* A close zeroes the element of a receiver that waits. */
WEFT_TASK(receive_zero, weft_chan_t *, ch, size_t, size)
{
	struct framed *f = malloc(sizeof *f);

	CHECK(f != NULL);
	frame_clear(f);
	CHECK_EQ(weft_chan_recv(ch, f->bytes), 0);
	frame_is_whole(f, size);
	for (size_t at = 0; at < size; at++)
		CHECK_EQ(f->bytes[at], 0);
	free(f);
	weft_waitgroup_done(&wg);
}

static void close_zeroes(size_t size)
{
	weft_chan_t *ch = weft_chan_create(size, 1);

	CHECK(ch != NULL);
	START(receive_zero, ch, size);
	WAIT_FOR(waiting() == 1);
	weft_chan_close(ch);
	JOIN();
	weft_chan_destroy(ch);
}

WEFT_TASK(throw_away, weft_chan_t *, ch)
{
	CHECK_EQ(weft_chan_recv(ch, NULL), 1);
	weft_waitgroup_done(&wg);
}

/* ---- what is left ---- */

struct drops {
	unsigned count;
	int values[16];
};

static void drop_int(void *elem, void *arg)
{
	struct drops *drops = arg;

	CHECK_EQ((uintptr_t)elem % sizeof(int), 0);
	CHECK(drops->count < ARRAY_LEN(drops->values));
	drops->values[drops->count++] = *(int *)elem;
}

static void leftovers(void)
{
	struct drops drops = { .count = 0 };
	weft_chan_options_t options = {
		.size = sizeof options, .name = "leftovers", .drop = drop_int, .drop_arg = &drops
	};
	int v;

	/* Any number taken out, any number left in: they lie around the buffer's end too. */
	for (int in_before = 0; in_before < 5; in_before++) {
		for (int left = 0; left <= 5; left++) {
			WEFT_CHAN(int) ch = WEFT_CHAN_CREATE_WITH(&options, int, 5);
			CHECK(ch != NULL);
			drops.count = 0;
			for (int i = 0; i < in_before; i++) {
				CHECK_EQ(WEFT_SEND(ch, -i), 0);
				CHECK_EQ(i % 2 == 0 ? WEFT_RECV(ch, &v) : WEFT_RECV(ch, NULL), 1);
			}
			for (int i = 0; i < left; i++)
				CHECK_EQ(WEFT_SEND(ch, 100 + i), 0);
			if (left % 2 == 0)
				WEFT_CLOSE(ch);
			CHECK_EQ(drops.count, 0);
			WEFT_CHAN_DESTROY(ch);
			CHECK_EQ(drops.count, left);
			for (int i = 0; i < left; i++)
				CHECK_EQ(drops.values[i], 100 + i);
		}
	}
	/* What was not sent is not dropped. */
	WEFT_CHAN(int) ch = WEFT_CHAN_CREATE_WITH(&options, int, 0);
	CHECK(ch != NULL);
	drops.count = 0;
	CHECK_EQ(WEFT_TRY_SEND(ch, 1), -EAGAIN);
	CHECK_EQ(WEFT_SEND_UNTIL(ch, 2, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	START(throw_away, WEFT_UNTYPED(ch));
	CHECK_EQ(WEFT_SEND(ch, 3), 0);
	JOIN();
	WEFT_CHAN_DESTROY(ch);
	CHECK_EQ(drops.count, 0);
}

/* A drop function may park: what is left is dropped on another thread, perhaps. */
static void drop_parking(void *elem, void *arg)
{
	unsigned *sum = arg;

	weft_sleep(WEFT_US(50));
	*sum += *(unsigned *)elem;
}

static void dropping_parks(void *arg)
{
	unsigned sum = 0;
	weft_chan_options_t options = { .size = sizeof options, .drop = drop_parking, .drop_arg = &sum };
	WEFT_CHAN(unsigned) ch = WEFT_CHAN_CREATE_WITH(&options, unsigned, 4);

	(void)arg;
	CHECK(ch != NULL);
	for (unsigned i = 1; i <= 4; i++)
		CHECK_EQ(WEFT_SEND(ch, i), 0);
	WEFT_CHAN_DESTROY(ch);
	CHECK_EQ(sum, 10);
}

static void many_drop(void)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	for (unsigned i = 0; i < test_scaled(400); i++)
		CHECK_EQ(weft_waitgroup_go(&group, dropping_parks, NULL), 0);
	CHECK_EQ(weft_waitgroup_wait(&group), 0);
}

/* Pointers are what a drop function is for: nothing leaks, nothing is freed twice. */
static void drop_pointer(void *elem, void *arg)
{
	CHECK(arg == NULL);
	free(*(char **)elem);
}

static void owned_pointers(void)
{
	weft_chan_options_t options = { .size = sizeof options, .drop = drop_pointer };
	WEFT_CHAN(char *) ch = WEFT_CHAN_CREATE_WITH(&options, char *, 10);
	char *text;

	CHECK(ch != NULL);
	for (int i = 0; i < 10; i++) {
		text = malloc(8);
		CHECK(text != NULL);
		snprintf(text, 8, "%d", i);
		CHECK_EQ(WEFT_SEND(ch, text), 0);
	}
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(WEFT_RECV(ch, &text), 1);
		CHECK_EQ(atoi(text), i);
		free(text);
	}
	WEFT_CHAN_DESTROY(ch);
}

static void drop_empty(void *elem, void *arg)
{
	(void)elem;
	(*(unsigned *)arg)++;
}

/* Elements of no size are counted all the same. */
static void only_counted(void)
{
	unsigned dropped = 0;
	weft_chan_options_t options = { .size = sizeof options, .drop = drop_empty, .drop_arg = &dropped };
	weft_chan_t *ch = weft_chan_create_with(&options, 0, 1 << 20);
	char none = 'n';

	CHECK(ch != NULL);
	CHECK_EQ(weft_chan_cap(ch), 1 << 20);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(weft_chan_send(ch, &none), 0);
		CHECK_EQ(weft_chan_len(ch), i + 1);
	}
	CHECK_EQ(weft_chan_recv(ch, &none), 1);
	CHECK_EQ(none, 'n');
	weft_chan_destroy(ch);
	CHECK_EQ(dropped, 4);
}

/* ---- what cannot be created ---- */

static void options_are_checked(void)
{
	static const size_t wrong[] = { 0, 1, sizeof(size_t), sizeof(weft_chan_options_t) + 1, 4096,
		SIZE_MAX };
	weft_chan_options_t options = { .size = sizeof options };
	weft_chan_t *ch;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		options.size = wrong[i];
		CHECK(weft_chan_create_with(&options, 4, 1) == NULL);
	}
	options.size = sizeof options;
	ch = weft_chan_create_with(&options, 4, 1);
	CHECK(ch != NULL);
	weft_chan_destroy(ch);
	ch = weft_chan_create_with(NULL, 4, 1);
	CHECK(ch != NULL);
	weft_chan_destroy(ch);
	weft_chan_destroy(NULL);
	/* The functions behind the macros. */
	ch = (weft_chan_create)(4, 1);
	CHECK(ch != NULL);
	weft_chan_destroy(ch);
	ch = (weft_chan_create_with)(&options, 4, 1);
	CHECK(ch != NULL);
	CHECK_EQ(weft_chan_cap(ch), 1);
	weft_chan_destroy(ch);
}

static void too_large(void)
{
	CHECK(weft_chan_create(SIZE_MAX, 1) == NULL);
	CHECK(weft_chan_create(1, SIZE_MAX) == NULL);
	CHECK(weft_chan_create(8, SIZE_MAX) == NULL);
	CHECK(weft_chan_create(SIZE_MAX, SIZE_MAX) == NULL);
	CHECK(weft_chan_create(2, SIZE_MAX / 2 + 1) == NULL);
	CHECK(weft_chan_create(SIZE_MAX / 2 + 1, 2) == NULL);
	CHECK(weft_chan_create((size_t)1 << 32, (size_t)1 << 32) == NULL);
	CHECK(weft_chan_create(3, SIZE_MAX / 3) == NULL);
	CHECK(weft_chan_create(1, SIZE_MAX - 200) == NULL);
#if !defined(WEFT__TSAN) /* it ends the program instead */
	/* No address space is so large. */
	CHECK(weft_chan_create((size_t)1 << 31, (size_t)1 << 31) == NULL);
#endif
}

/* ---- typed elements ---- */

struct pair {
	double x;
	char y;
};

struct empty {
};

static void typed_elements(void)
{
	WEFT_CHAN(struct pair) pairs = WEFT_CHAN_CREATE(struct pair, 2);
	WEFT_CHAN(const char *) texts = WEFT_CHAN_CREATE(const char *, 1);
	WEFT_CHAN(WEFT_CHAN(int)) channels = WEFT_CHAN_CREATE(WEFT_CHAN(int), 1);
	WEFT_CHAN(int) ints = WEFT_CHAN_CREATE(int, 1), got;
	WEFT_CHAN(struct empty) events = WEFT_CHAN_CREATE(struct empty, 3);
	struct pair p = { 1.5, 'a' };
	struct empty event = {};
	const char *text;
	double number = 3.9;
	void *untyped = ints;
	int n = 0;

	CHECK(pairs != NULL && texts != NULL && channels != NULL && ints != NULL && events != NULL);
	CHECK_EQ(WEFT_SEND(pairs, p), 0);
	p.x = 0;
	CHECK_EQ(WEFT_SEND(pairs, ((struct pair){ 2.5, 'b' })), 0);
	CHECK_EQ(WEFT_RECV(pairs, &p), 1);
	CHECK(p.x == 1.5 && p.y == 'a');
	CHECK_EQ(WEFT_RECV(pairs, &p), 1);
	CHECK(p.x == 2.5 && p.y == 'b');
	CHECK_EQ(WEFT_SEND(texts, "text"), 0);
	CHECK_EQ(WEFT_RECV(texts, &text), 1);
	CHECK(strcmp(text, "text") == 0);
	/* A channel over a channel. */
	CHECK_EQ(WEFT_SEND(channels, ints), 0);
	CHECK_EQ(WEFT_RECV(channels, &got), 1);
	CHECK(got == ints && untyped == ints);
	/* A value of another type is converted, and an argument is evaluated once. */
	CHECK_EQ(WEFT_SEND(ints, number), 0);
	CHECK_EQ(WEFT_RECV(got, &n), 1);
	CHECK_EQ(n, 3);
	CHECK_EQ(WEFT_SEND(ints, n++), 0);
	CHECK_EQ(n, 4);
	CHECK_EQ(weft_chan_recv(WEFT_UNTYPED(ints), &n), 1);
	CHECK_EQ(n, 3);
	CHECK_EQ(WEFT_SEND(events, event), 0);
	CHECK_EQ(WEFT_SEND(events, event), 0);
	CHECK_EQ(WEFT_CHAN_LEN(events), 2);
	CHECK_EQ(WEFT_RECV(events, &event), 1);
	WEFT_CLOSE(events);
	CHECK_EQ(WEFT_RECV(events, NULL), 1);
	CHECK_EQ(WEFT_RECV(events, &event), 0);
	WEFT_CHAN_DESTROY(pairs);
	WEFT_CHAN_DESTROY(texts);
	WEFT_CHAN_DESTROY(channels);
	WEFT_CHAN_DESTROY(ints);
	WEFT_CHAN_DESTROY(events);
}

/* ---- WEFT_RANGE ---- */

WEFT_TASK(produce, weft_chan_t *, ch, int, count)
{
	for (int i = 0; i < count; i++)
		CHECK_EQ(weft_chan_send(ch, &i), 0);
	weft_chan_close(ch);
	weft_waitgroup_done(&wg);
}

static int first_above(weft_chan_t *untyped, int limit)
{
	WEFT_CHAN(int) ch = (WEFT_CHAN(int))(void *)untyped;

	WEFT_RANGE(v, ch)
	if (v > limit)
		return v;
	return -1;
}

static void range(size_t capacity)
{
	WEFT_CHAN(int) ch = WEFT_CHAN_CREATE(int, capacity);
	int next = 0, odd = 0;

	CHECK(ch != NULL);
	START(produce, WEFT_UNTYPED(ch), 20);
	WEFT_RANGE(v, ch)
	{
		CHECK_EQ(v, next++);
		if (v % 2 == 0)
			continue;
		odd++;
		if (v == 9)
			break;
	}
	CHECK_EQ(next, 10);
	CHECK_EQ(odd, 5);
	CHECK_EQ(first_above(WEFT_UNTYPED(ch), 15), 16);
	WEFT_RANGE(v, ch)
	CHECK(v > 16);
	JOIN();
	WEFT_RANGE(v, ch)
	CHECK_EQ(v, -1);
	CHECK_EQ(first_above(WEFT_UNTYPED(ch), 0), -1);
	WEFT_CHAN_DESTROY(ch);
	ch = NULL;
	CHECK_EQ(WEFT_CHAN_LEN(ch), 0);
}

static void all(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		carry(sizes[i], 0);
		carry(sizes[i], 1);
		carry(sizes[i], 3);
		close_zeroes(sizes[i]);
	}
	leftovers();
	owned_pointers();
	only_counted();
	options_are_checked();
	too_large();
	typed_elements();
	for (size_t capacity = 0; capacity < 4; capacity++)
		range(capacity);
}

int main(void)
{
	test_begin();
	on_both(all);
	many_drop();
	test_end();
	return 0;
}
