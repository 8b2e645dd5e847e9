/*
 * Misuse of channels ends the program, with a message that names the channel: its name and the place where it
 * was created. Senders that wait when it is closed and waiters when it is destroyed are found out too.
 */
#include "test.h"

#include "chan_help.h"
#include "waiting.h"

typedef WEFT_CHAN(int) ints_t;

static weft_waitgroup_t wg;
static ints_t ch;

/* The parent looks for this place in the message; the creation must stand on the same line. */
#define NOTE_HERE() NOTE("%s", WEFT_HERE)

static void create(size_t capacity)
{
	test_begin();
	ch = (NOTE_HERE(), WEFT_CHAN_CREATE(int, capacity));
	CHECK(ch != NULL);
}

static void create_closed(size_t capacity)
{
	create(capacity);
	WEFT_CLOSE(ch);
}

/* ---- to send on a closed channel ---- */

static void send_closed(void)
{
	create_closed(0);
	WEFT_SEND(ch, 1);
}

static void send_closed_with_room(void)
{
	create_closed(3);
	WEFT_SEND(ch, 1);
}

static void send_closed_full(void)
{
	create(1);
	CHECK_EQ(WEFT_SEND(ch, 1), 0);
	WEFT_CLOSE(ch);
	WEFT_SEND(ch, 2);
}

static void try_send_closed(void)
{
	create_closed(0);
	WEFT_TRY_SEND(ch, 1);
}

static void try_send_closed_with_room(void)
{
	create_closed(1);
	WEFT_TRY_SEND(ch, 1);
}

static void try_send_closed_full(void)
{
	create(1);
	CHECK_EQ(WEFT_SEND(ch, 1), 0);
	WEFT_CLOSE(ch);
	WEFT_TRY_SEND(ch, 2);
}

/* A deadline that has passed does not come before it. */
static void send_until_closed(void)
{
	create_closed(0);
	WEFT_SEND_UNTIL(ch, 1, 0);
}

static void send_ctx_closed(void)
{
	weft_context_t *ctx = weft_context_create(NULL);

	CHECK(ctx != NULL);
	create_closed(0);
	WEFT_SEND_CTX(ch, 1, ctx);
}

static void select_send_closed(void)
{
	int value = 1;

	create_closed(0);
	weft_case_t cases[] = { WEFT_ON_SEND(ch, &value) };
	weft_select(cases, 1);
}

static void select_try_send_closed(void)
{
	int value = 1;

	create_closed(2);
	weft_case_t cases[] = { WEFT_ON_TIME(WEFT_NEVER), WEFT_ON_SEND(ch, &value) };
	weft_select_try(cases, 2);
}

static void send_in_task(void *arg)
{
	(void)arg;
	WEFT_SEND(ch, 1);
}

static void send_closed_in_task(void)
{
	create_closed(0);
	weft_run(send_in_task, NULL);
}

/* ---- to close while somebody waits to send ---- */

WEFT_TASK(wait_to_send)
{
	WEFT_SEND(ch, 1);
	weft_waitgroup_done(&wg);
}

WEFT_TASK(wait_to_send_until)
{
	WEFT_SEND_UNTIL(ch, 1, weft_deadline_in(WEFT_S(1000)));
	weft_waitgroup_done(&wg);
}

WEFT_TASK(wait_to_select)
{
	int value = 1;
	weft_case_t cases[] = { WEFT_ON_TIME(WEFT_NEVER), WEFT_ON_SEND(ch, &value) };

	weft_select(cases, 2);
	weft_waitgroup_done(&wg);
}

static void close_and_wait(void)
{
	WEFT_CLOSE(ch);
	JOIN();
	NOTE("it should have ended");
}

static void close_under_sender(void)
{
	create(0);
	START(wait_to_send);
	WAIT_FOR(waiting() == 1);
	close_and_wait();
}

static void close_under_sender_full(void)
{
	create(1);
	CHECK_EQ(WEFT_SEND(ch, 1), 0);
	START(wait_to_send_until);
	WAIT_FOR(waiting() == 1);
	close_and_wait();
}

static void close_under_senders(void)
{
	create(0);
	for (unsigned i = 0; i < 5; i++)
		START(wait_to_send);
	WAIT_FOR(waiting() == 5);
	close_and_wait();
}

static void close_under_select(void)
{
	create(0);
	START(wait_to_select);
	WAIT_FOR(waiting() == 1);
	close_and_wait();
}

static void send_on_thread(void *arg)
{
	(void)arg;
	WEFT_SEND(ch, 1);
	test_fail("a send on a closed channel came back\n");
}

/* Whether it waits already or comes too late: the same. */
static void close_under_thread(void)
{
	struct test_thread thread;

	create(0);
	thread_start(&thread, send_on_thread, NULL);
	test_pause_ms(1);
	WEFT_CLOSE(ch);
	thread_join(&thread);
}

/* ---- close ---- */

static void close_twice(void)
{
	create_closed(0);
	WEFT_CLOSE(ch);
}

static void close_twice_filled(void)
{
	create(2);
	CHECK_EQ(WEFT_SEND(ch, 1), 0);
	WEFT_CLOSE(ch);
	WEFT_CLOSE(ch);
}

static void close_none(void)
{
	WEFT_CLOSE(ch);
}

/* ---- to destroy while somebody waits ---- */

WEFT_TASK(wait_to_receive)
{
	int v;

	WEFT_RECV(ch, &v);
	weft_waitgroup_done(&wg);
}

static void destroy_under_receivers(void)
{
	create(0);
	for (unsigned i = 0; i < 3; i++)
		START(wait_to_receive);
	WAIT_FOR(waiting() == 3);
	WEFT_CHAN_DESTROY(ch);
}

static void destroy_under_sender(void)
{
	create(1);
	CHECK_EQ(WEFT_SEND(ch, 1), 0);
	START(wait_to_send);
	WAIT_FOR(waiting() == 1);
	WEFT_CHAN_DESTROY(ch);
}

static void destroy_under_select(void)
{
	create(0);
	START(wait_to_select);
	WAIT_FOR(waiting() == 1);
	WEFT_CHAN_DESTROY(ch);
}

/* ---- names ---- */

static void named(void)
{
	weft_chan_options_t options = { .size = sizeof options, .name = "orders" };

	ch = (NOTE_HERE(), WEFT_CHAN_CREATE_WITH(&options, int, 1));
	CHECK(ch != NULL);
	WEFT_CLOSE(ch);
	WEFT_SEND(ch, 1);
}

static void named_close(void)
{
	weft_chan_options_t options = { .size = sizeof options, .name = "orders" };

	ch = (NOTE_HERE(), WEFT_CHAN_CREATE_WITH(&options, int, 0));
	CHECK(ch != NULL);
	WEFT_CLOSE(ch);
	WEFT_CLOSE(ch);
}

static void named_destroy(void)
{
	weft_chan_options_t options = { .size = sizeof options, .name = "orders" };

	test_begin();
	ch = (NOTE_HERE(), WEFT_CHAN_CREATE_WITH(&options, int, 0));
	CHECK(ch != NULL);
	START(wait_to_receive);
	WAIT_FOR(waiting() == 1);
	WEFT_CHAN_DESTROY(ch);
}

static void given_site(void)
{
	weft_chan_options_t options = { .size = sizeof options, .name = "orders", .site = "shop.ini:12" };

	NOTE("shop.ini:12");
	ch = WEFT_CHAN_CREATE_WITH(&options, int, 0);
	CHECK(ch != NULL);
	WEFT_CLOSE(ch);
	WEFT_CLOSE(ch);
}

static void untyped(void)
{
	weft_chan_t *c = (NOTE_HERE(), weft_chan_create(0, 0));

	CHECK(c != NULL);
	weft_chan_close(c);
	weft_chan_close(c);
}

static void untyped_with(void)
{
	weft_chan_t *c = (NOTE_HERE(), weft_chan_create_with(NULL, 0, 0));

	CHECK(c != NULL);
	weft_chan_close(c);
	weft_chan_close(c);
}

/* The message stands in the first line; what follows tells of the task and its stack. */
static const char *message(void)
{
	static char line[1024];
	const char *at = strstr(test_child.err, "weft: panic: ");

	CHECK(at != NULL);
	snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

/* fn panics, and the first line of its message has each of the words and the place of creation. */
static void panics(void (*fn)(void), const char *word, const char *another)
{
	MUST_PANIC(fn, word);
	CHECK_EQ(test_count_text(test_child.err, "weft: panic: "), 1);
	if (strstr(message(), word) == NULL || strstr(message(), another) == NULL ||
		strstr(message(), test_child.note) == NULL)
		test_fail(
			"not \"%s\", \"%s\" and \"%s\" but: %s\n", word, another, test_child.note, message());
}

int main(void)
{
	static void (*const sends[])(void) = { send_closed, send_closed_with_room, send_closed_full,
		try_send_closed, try_send_closed_with_room, try_send_closed_full, send_until_closed,
		send_ctx_closed, select_send_closed, select_try_send_closed, send_closed_in_task };
	static void (*const closes[])(void) = { close_under_sender, close_under_sender_full,
		close_under_senders, close_under_select, close_under_thread };

	for (size_t i = 0; i < ARRAY_LEN(sends); i++)
		panics(sends[i], "send", "closed");
	for (size_t i = 0; i < ARRAY_LEN(closes); i++)
		panics(closes[i], "send", "closed");
	panics(close_twice, "close", "");
	panics(close_twice_filled, "close", "");
	MUST_PANIC(close_none, "weft_chan_close");
	panics(destroy_under_receivers, "destroy", "3");
	panics(destroy_under_sender, "destroy", "1");
	panics(destroy_under_select, "destroy", "1");
	panics(named, "send", "orders");
	panics(named_close, "close", "orders");
	panics(named_destroy, "destroy", "orders");
	panics(given_site, "close", "orders");
	panics(untyped, "close", "");
	panics(untyped_with, "close", "");
	return 0;
}
