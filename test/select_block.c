/* weft-test: label=valgrind */
/*
 * The block form of select: what runs, what leaves it and how, what is evaluated when; how many cases it
 * takes.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

typedef WEFT_CHAN(int) ints_t;

static weft_waitgroup_t wg;

static ints_t new_channel(size_t capacity)
{
	ints_t ch = WEFT_CHAN_CREATE(int, capacity);

	CHECK(ch != NULL);
	return ch;
}

WEFT_TASK(sends, ints_t, ch, int, value)
{
	CHECK_EQ(WEFT_SEND(ch, value), 0);
	weft_waitgroup_done(&wg);
}

/* ---- each kind of case ---- */

enum { GOT = 1, ENDED, SENT, DONE, LATE, READABLE, NOTHING };

/* Channels and context may be NULL, fd -1 (then it waits on none), time WEFT_NEVER. */
static int choose_one(ints_t in, int *got, ints_t out, weft_context_t *ctx, weft_time_t time)
{
	int value = 31;

	WEFT_SELECT {
		WEFT_CASE_RECV (in, got)
			return WEFT_SELECT_RESULT ? GOT : ENDED;
		WEFT_CASE_SEND (out, &value) {
			CHECK_EQ(WEFT_SELECT_RESULT, 0);
			return SENT;
		}
		WEFT_CASE_DONE (ctx)
			return DONE;
		WEFT_CASE_TIME (time)
			return LATE;
	}
	test_fail("no case was chosen\n");
}

static int choose_now(ints_t in, int *got, ints_t out)
{
	int result = 0, value = 32;

	WEFT_SELECT {
		WEFT_CASE_DEFAULT
			result = NOTHING;
		WEFT_CASE_RECV (in, got)
			result = WEFT_SELECT_RESULT == 1 ? GOT : ENDED;
		WEFT_CASE_SEND (out, &value)
			result = SENT;
	}
	CHECK(result != 0);
	return result;
}

static void each_kind(void)
{
	weft_context_t *ctx = weft_context_create(NULL);
	ints_t in = new_channel(0), out = new_channel(1);
	weft_time_t time;
	int got = -1;

	CHECK(ctx != NULL);
	CHECK_EQ(choose_now(in, &got, NULL), NOTHING);
	CHECK_EQ(choose_now(NULL, &got, NULL), NOTHING);
	CHECK_EQ(choose_one(in, &got, out, ctx, WEFT_NEVER), SENT);
	CHECK_EQ(choose_now(in, &got, out), NOTHING);
	CHECK_EQ(choose_now(out, &got, out), GOT);
	CHECK_EQ(got, 31);
	CHECK_EQ(choose_now(out, &got, out), SENT);
	CHECK_EQ(choose_one(out, &got, NULL, ctx, WEFT_NEVER), GOT);
	CHECK_EQ(got, 32);
	START(sends, in, 5);
	CHECK_EQ(choose_one(in, &got, NULL, ctx, WEFT_NEVER), GOT);
	CHECK_EQ(got, 5);
	JOIN();
	START(sends, in, 6);
	WAIT_FOR(waiting() == 1);
	CHECK_EQ(choose_now(in, &got, NULL), GOT);
	CHECK_EQ(got, 6);
	JOIN();
	time = weft_deadline_in(WEFT_US(300));
	CHECK_EQ(choose_one(in, &got, NULL, ctx, time), LATE);
	CHECK(weft_now() >= time);
	weft_context_cancel(ctx);
	CHECK_EQ(choose_one(in, &got, NULL, ctx, WEFT_NEVER), DONE);
	CHECK_EQ(got, 6);
	WEFT_CLOSE(in);
	CHECK_EQ(choose_one(in, &got, NULL, NULL, WEFT_NEVER), ENDED);
	CHECK_EQ(got, 0);
	CHECK_EQ(choose_now(in, &got, NULL), ENDED);
	WEFT_CHAN_DESTROY(in);
	WEFT_CHAN_DESTROY(out);
	weft_context_destroy(ctx);
}

static void descriptors(void)
{
	int fds[2], events = 0;
	ints_t in = new_channel(0);

	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
	for (int round = 0; round < 2; round++) {
		WEFT_SELECT {
			WEFT_CASE_FD (fds[0], WEFT_READABLE)
				events = WEFT_SELECT_RESULT;
			WEFT_CASE_DEFAULT
				CHECK_EQ(write(fds[1], "x", 1), 1);
			WEFT_CASE_RECV (in, NULL)
				CHECK(false);
		}
	}
	CHECK_EQ(events, WEFT_READABLE);
	close(fds[0]);
	close(fds[1]);
	WEFT_CHAN_DESTROY(in);
}

/* ---- ways out ---- */

static void ways_out(void)
{
	ints_t ch = new_channel(3);
	int v = 0, after = 0, loops = 0;

	/* break leaves the select, not the loop around it. */
	for (int i = 0; i < 3; i++) {
		loops++;
		WEFT_SELECT {
			WEFT_CASE_SEND (ch, &i) {
				if (i >= 0)
					break;
				after = 1;
			}
		}
	}
	CHECK_EQ(loops, 3);
	CHECK_EQ(after, 0);
	CHECK_EQ(WEFT_CHAN_LEN(ch), 3);
	/* Nor does it fall through to the next case, and it runs once. */
	after = 0;
	WEFT_SELECT {
		WEFT_CASE_RECV (ch, &v)
			after += 1;
		WEFT_CASE_RECV (ch, &v)
			after += 1;
		WEFT_CASE_DEFAULT
			after += 100;
	}
	CHECK_EQ(after, 1);
	CHECK_EQ(WEFT_CHAN_LEN(ch), 2);
	/* goto, out of two. */
	for (;;) {
		WEFT_SELECT {
			WEFT_CASE_RECV (ch, &v) {
				if (v == 2)
					goto out;
			}
			WEFT_CASE_DEFAULT
				CHECK(false);
		}
	}
out:
	CHECK_EQ(WEFT_CHAN_LEN(ch), 0);
	/* A loop inside of a case is the program's own. */
	WEFT_SELECT {
		WEFT_CASE_DEFAULT {
			for (int i = 0; i < 10; i++) {
				if (i == 5)
					break;
				after = i;
			}
			after += 1000;
		}
		WEFT_CASE_RECV (ch, &v)
			CHECK(false);
	}
	CHECK_EQ(after, 1004);
	/* A case of nothing, and if with else in one. */
	WEFT_SELECT {
		WEFT_CASE_DEFAULT {
		}
	}
	WEFT_SELECT {
		WEFT_CASE_DEFAULT {
			if (after == 0)
				after = 1;
			else
				after = 2;
		}
		WEFT_CASE_RECV (ch, &v)
			after = 3;
	}
	CHECK_EQ(after, 2);
	WEFT_CHAN_DESTROY(ch);
}

/* ---- evaluated once, in order, before it waits ---- */

static unsigned order;
static char trace[64];

static ints_t channel_traced(ints_t ch, char name)
{
	trace[order++] = name;
	return ch;
}

static int *pointer_traced(int *pointer, char name)
{
	trace[order++] = name;
	return pointer;
}

static weft_time_t time_traced(weft_time_t time, char name)
{
	trace[order++] = name;
	return time;
}

static void arguments(void)
{
	ints_t ch = new_channel(1), other = new_channel(1);
	int v = -1, value = 3;

	for (int round = 0; round < 3; round++) {
		order = 0;
		memset(trace, 0, sizeof trace);
		WEFT_SELECT {
			WEFT_CASE_TIME (time_traced(WEFT_NEVER, 't'))
				CHECK(false);
			WEFT_CASE_SEND (channel_traced(ch, 's'), &value)
				CHECK_EQ(round % 2, 0);
			WEFT_CASE_RECV (other, pointer_traced(&v, 'p'))
				CHECK(false);
			WEFT_CASE_RECV (channel_traced(ch, 'r'), &v)
				CHECK_EQ(round % 2, 1);
		}
		CHECK(strcmp(trace, "tspr") == 0);
	}
	/* The value is read when it is sent: the case's own variable may be changed for the next time. */
	CHECK_EQ(WEFT_RECV(ch, &v), 1);
	for (int round = 0; round < 3; round++) {
		WEFT_SELECT {
			WEFT_CASE_SEND (ch, &value)
				value += 10;
		}
		CHECK_EQ(WEFT_RECV(ch, &v), 1);
		CHECK_EQ(v, 3 + 10 * round);
	}
	WEFT_CHAN_DESTROY(ch);
	WEFT_CHAN_DESTROY(other);
}

/* ---- in a loop, with channels that are switched off ---- */

WEFT_TASK(counts_to, ints_t, ch, int, n)
{
	for (int i = 1; i <= n; i++)
		CHECK_EQ(WEFT_SEND(ch, i), 0);
	WEFT_CLOSE(ch);
	weft_waitgroup_done(&wg);
}

static void merge(void)
{
	ints_t a = new_channel(0), b = new_channel(2), both[2];
	int v = 0, sum = 0, ends = 0;

	both[0] = a;
	both[1] = b;
	START(counts_to, a, 100);
	START(counts_to, b, 200);
	while (a != NULL || b != NULL) {
		WEFT_SELECT {
			WEFT_CASE_RECV (a, &v) {
				if (!WEFT_SELECT_RESULT) {
					ends++;
					a = NULL;
					break;
				}
				sum += v;
			}
			WEFT_CASE_RECV (b, &v) {
				if (WEFT_SELECT_RESULT) {
					sum += v;
				} else {
					ends++;
					b = NULL;
				}
			}
		}
	}
	CHECK_EQ(ends, 2);
	CHECK_EQ(sum, 5050 + 20100);
	JOIN();
	WEFT_CHAN_DESTROY(both[0]);
	WEFT_CHAN_DESTROY(both[1]);
}

/* ---- how many ---- */

#define FOUR_CASES(ch, v)                                                                                    \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;                                                                                         \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;                                                                                         \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;                                                                                         \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;
#define FIFTEEN_CASES(ch, v)                                                                                 \
	FOUR_CASES(ch, v)                                                                                    \
	FOUR_CASES(ch, v)                                                                                    \
	FOUR_CASES(ch, v)                                                                                    \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;                                                                                         \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;                                                                                         \
	WEFT_CASE_RECV (ch, v)                                                                               \
		n++;

static void sixteen(void)
{
	ints_t ch = new_channel(1), last = new_channel(1);
	int v, n = 0;

	CHECK_EQ(WEFT_SELECT_MAX, 16);
	CHECK_EQ(WEFT_SEND(last, 1), 0);
	WEFT_SELECT {
		FIFTEEN_CASES(ch, &v)
		WEFT_CASE_RECV (last, &v)
			n += 100;
	}
	CHECK_EQ(n, 100);
	WEFT_SELECT {
		FIFTEEN_CASES(ch, &v)
		WEFT_CASE_DEFAULT
			n += 100;
	}
	CHECK_EQ(n, 200);
	START(sends, ch, 1);
	WEFT_SELECT {
		FIFTEEN_CASES(ch, &v)
		WEFT_CASE_RECV (last, &v)
			n += 100;
	}
	CHECK_EQ(n, 201);
	JOIN();
	WEFT_CHAN_DESTROY(ch);
	WEFT_CHAN_DESTROY(last);
}

static void all(void *arg)
{
	(void)arg;
	each_kind();
	descriptors();
	ways_out();
	arguments();
	merge();
	sixteen();
}

/* ---- misuse ---- */

static void seventeen(void)
{
	ints_t ch = new_channel(1);
	int v, n = 0;

	NOTE("%s", "test/select_block.c:");
	WEFT_SELECT {
		FIFTEEN_CASES(ch, &v)
		WEFT_CASE_RECV (ch, &v)
			n++;
		WEFT_CASE_TIME (0)
			n++;
	}
	CHECK_EQ(n, 1);
}

static void seventeen_with_default(void)
{
	ints_t ch = new_channel(1);
	int v, n = 0;

	NOTE("%s", "test/select_block.c:");
	WEFT_SELECT {
		FIFTEEN_CASES(ch, &v)
		WEFT_CASE_RECV (ch, &v)
			n++;
		WEFT_CASE_DEFAULT
			n++;
	}
	CHECK_EQ(n, 1);
}

static void sends_on_closed(void)
{
	ints_t ch = new_channel(1);
	int value = 1;

	WEFT_CLOSE(ch);
	NOTE("test/select_block.c:");
	WEFT_SELECT {
		WEFT_CASE_DEFAULT
			CHECK(false);
		WEFT_CASE_SEND (ch, &value)
			CHECK(false);
	}
}

static void nothing_to_wait_for(void *arg)
{
	(void)arg;
	WEFT_SELECT {
	}
	test_fail("a select without cases came back\n");
}

static void waits_for_ever(void)
{
	test_begin();
	CHECK_EQ(weft_go(nothing_to_wait_for, NULL), 0);
	WAIT_FOR(waiting() == 1);
	NOTE("still waits");
}

int main(void)
{
	struct test_child *child = test_run_child(waits_for_ever);

	CHILD_ENDS(child, 0);
	CHECK(strcmp(child->note, "still waits") == 0);
	MUST_PANIC(seventeen, "16 cases");
	MUST_PANIC(seventeen_with_default, "16 cases");
	MUST_PANIC(sends_on_closed, "closed");
	test_begin();
	on_both(all);
	test_end();
	return 0;
}
