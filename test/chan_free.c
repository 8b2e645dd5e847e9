/* weft-test: timeout=240 */
/*
 * A channel is destroyed by whom its last message, or its close, has reached, while the other side may still
 * be on its way out of the call: the reply channel of a request. Under AddressSanitizer and valgrind this
 * finds a late touch. The other side is a task or a plain thread and sends by any form; the receiver receives
 * by any.
 */
#include "test.h"

#include "chan_help.h"

typedef WEFT_CHAN(unsigned) reply_t;

struct request {
	unsigned number;
	reply_t reply;
};

typedef WEFT_CHAN(struct request) requests_t;

enum { FORMS = 5, SERVERS = 2 };

static weft_waitgroup_t wg;
static unsigned rounds;

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

/* ---- one message ---- */

static void send_by(reply_t ch, unsigned value, unsigned form)
{
	weft_case_t cases[3];

	switch (form) {
	case 0:
		CHECK_EQ(WEFT_SEND(ch, value), 0);
		break;
	case 1:
		CHECK_EQ(WEFT_SEND_UNTIL(ch, value, weft_deadline_in(WEFT_S(1000))), 0);
		break;
	case 2:
		while (WEFT_TRY_SEND(ch, value) != 0)
			weft_yield();
		break;
	case 3:
		cases[0] = WEFT_ON_TIME(WEFT_NEVER);
		cases[1] = WEFT_ON_SEND(ch, &value);
		CHECK_EQ(weft_select(cases, 2), 1);
		break;
	default:
		cases[0] = WEFT_ON_SEND(ch, &value);
		CHECK_EQ(weft_select_until(cases, 1, weft_deadline_in(WEFT_S(1000))), 0);
	}
}

static void receive_by(reply_t ch, unsigned value, unsigned form)
{
	weft_context_t *ctx;
	weft_case_t cases[3];
	unsigned got = ~value;
	int r = -EAGAIN;

	switch (form) {
	case 0:
		r = WEFT_RECV(ch, &got);
		break;
	case 1:
		r = WEFT_RECV_UNTIL(ch, &got, weft_deadline_in(WEFT_S(1000)));
		break;
	case 2:
		while ((r = WEFT_TRY_RECV(ch, &got)) == -EAGAIN)
			weft_yield();
		break;
	case 3:
		ctx = weft_context_create_timeout(NULL, WEFT_S(1000));
		CHECK(ctx != NULL);
		cases[0] = WEFT_ON_RECV(ch, &got);
		cases[1] = WEFT_ON_DONE(ctx);
		cases[2] = WEFT_ON_TIME(weft_deadline_in(WEFT_S(1000)));
		CHECK_EQ(weft_select(cases, 3), 0);
		r = cases[0].result;
		weft_context_destroy(ctx);
		break;
	default:
		cases[0] = WEFT_ON_RECV(ch, &got);
		CHECK_EQ(weft_select(cases, 1), 0);
		r = cases[0].result;
	}
	CHECK_EQ(r, 1);
	CHECK_EQ(got, value);
}

/* How the i-th message is sent and received: all pairs in turn. Two that only try would never meet. */
static unsigned send_form(unsigned i)
{
	return i / FORMS % FORMS;
}

static unsigned receive_form(unsigned i)
{
	return i % FORMS == 2 && send_form(i) == 2 ? 0 : i % FORMS;
}

/* ---- the server answers, the client destroys ---- */

static void serve(void *arg)
{
	requests_t requests = (requests_t)arg;

	WEFT_RANGE(request, requests)
	{
		if (request.number % 3 == 0)
			spin(request.number % 300);
		send_by(request.reply, request.number * 2, send_form(request.number));
	}
}

static void ask(void *arg)
{
	requests_t requests = (requests_t)arg;

	for (unsigned i = 0; i < rounds; i++) {
		struct request request = { i, WEFT_CHAN_CREATE(unsigned, i / 2 % 5 == 4) };
		CHECK(request.reply != NULL);
		CHECK_EQ(WEFT_SEND(requests, request), 0);
		if (i % 7 == 0)
			spin(i % 500);
		receive_by(request.reply, i * 2, receive_form(i));
		WEFT_CHAN_DESTROY(request.reply);
	}
}

static void replies(bool server_threads, bool client_thread)
{
	requests_t requests = WEFT_CHAN_CREATE(struct request, 0);
	struct test_thread servers[SERVERS], client;

	CHECK(requests != NULL);
	for (unsigned i = 0; i < SERVERS; i++) {
		if (server_threads)
			thread_start(&servers[i], serve, requests);
		else
			CHECK_EQ(weft_waitgroup_go(&wg, serve, requests), 0);
	}
	if (client_thread)
		thread_start(&client, ask, requests);
	CHECK_EQ(weft_run(ask, requests), 0);
	if (client_thread)
		thread_join(&client);
	WEFT_CLOSE(requests);
	JOIN();
	for (unsigned i = 0; i < SERVERS && server_threads; i++)
		thread_join(&servers[i]);
	WEFT_CHAN_DESTROY(requests);
}

/* ---- the other way round: on capacity 0 who has sent knows that it was received ---- */

static void receive_all(void *arg)
{
	requests_t requests = (requests_t)arg;

	WEFT_RANGE(request, requests)
	receive_by(request.reply, request.number * 2, receive_form(request.number));
}

static void send_and_destroy(void *arg)
{
	requests_t requests = (requests_t)arg;

	for (unsigned i = 0; i < rounds; i++) {
		struct request request = { i, WEFT_CHAN_CREATE(unsigned, 0) };
		CHECK(request.reply != NULL);
		CHECK_EQ(WEFT_SEND(requests, request), 0);
		if (i % 7 == 0)
			spin(i % 500);
		send_by(request.reply, i * 2, send_form(i));
		WEFT_CHAN_DESTROY(request.reply);
	}
}

static void sender_destroys(bool receiver_thread)
{
	requests_t requests = WEFT_CHAN_CREATE(struct request, 0);
	struct test_thread receiver;

	CHECK(requests != NULL);
	if (receiver_thread)
		thread_start(&receiver, receive_all, requests);
	else
		CHECK_EQ(weft_waitgroup_go(&wg, receive_all, requests), 0);
	CHECK_EQ(weft_run(send_and_destroy, requests), 0);
	WEFT_CLOSE(requests);
	JOIN();
	if (receiver_thread)
		thread_join(&receiver);
	WEFT_CHAN_DESTROY(requests);
}

/* ---- a close as the last word ---- */

static void close_each(void *arg)
{
	requests_t requests = (requests_t)arg;

	WEFT_RANGE(request, requests)
	{
		spin(request.number % 200);
		WEFT_CLOSE(request.reply);
	}
}

/* Until the end; those that give up come back, so a close may meet one that is on its way out. */
static void receive_end(reply_t ch, unsigned i, unsigned *got)
{
	weft_case_t cases[] = { WEFT_ON_RECV(ch, got) };
	int r = -EAGAIN;

	switch (i % 5) {
	case 0:
		CHECK_EQ(weft_select(cases, 1), 0);
		r = cases[0].result;
		break;
	case 1:
		for (unsigned n = 0; (r = WEFT_TRY_RECV(ch, got)) == -EAGAIN; n++)
			if (n > 1000)
				weft_yield();
		break;
	case 2:
		while ((r = WEFT_RECV_UNTIL(ch, got, weft_deadline_in(i % 3000))) == -ETIMEDOUT)
			;
		break;
	case 3:
		while ((r = weft_select_until(cases, 1, weft_deadline_in(i % 3000))) == -ETIMEDOUT)
			;
		CHECK_EQ(r, 0);
		r = cases[0].result;
		break;
	default:
		r = WEFT_RECV(ch, got);
	}
	CHECK_EQ(r, 0);
}

static void wait_for_close(void *arg)
{
	requests_t requests = (requests_t)arg;

	for (unsigned i = 0; i < rounds; i++) {
		struct request request = { i, WEFT_CHAN_CREATE(unsigned, i % 2) };
		unsigned got = 1;
		CHECK(request.reply != NULL);
		CHECK_EQ(WEFT_SEND(requests, request), 0);
		spin(i % 210);
		receive_end(request.reply, i, &got);
		CHECK_EQ(got, 0);
		WEFT_CHAN_DESTROY(request.reply);
	}
}

static void closes(bool closer_thread)
{
	requests_t requests = WEFT_CHAN_CREATE(struct request, 0);
	struct test_thread closer;

	CHECK(requests != NULL);
	if (closer_thread)
		thread_start(&closer, close_each, requests);
	else
		CHECK_EQ(weft_waitgroup_go(&wg, close_each, requests), 0);
	CHECK_EQ(weft_run(wait_for_close, requests), 0);
	WEFT_CLOSE(requests);
	JOIN();
	if (closer_thread)
		thread_join(&closer);
	WEFT_CHAN_DESTROY(requests);
}

/* ---- a close that wakes more than it can take at a time, some of whom give up just then ---- */

enum { CROWD = 150 };

WEFT_TASK(one_of_crowd, reply_t, ch, unsigned, random)
{
	unsigned got = 1;
	int r;

	do {
		random = random * 69069 + 1;
		r = WEFT_RECV_UNTIL(ch, &got, weft_deadline_in(random >> 16));
	} while (r == -ETIMEDOUT);
	CHECK_EQ(r, 0);
	CHECK_EQ(got, 0);
	weft_waitgroup_done(&wg);
}

static void close_one(void *arg)
{
	WEFT_CLOSE((reply_t)arg);
}

static void crowd_destroys(void *arg)
{
	weft_waitgroup_t closing = WEFT_WAITGROUP_INIT;

	(void)arg;
	for (unsigned i = 0; i < rounds; i++) {
		reply_t ch = WEFT_CHAN_CREATE(unsigned, 0);
		CHECK(ch != NULL);
		for (unsigned k = 0; k < CROWD; k++)
			START(one_of_crowd, ch, i * CROWD + k);
		weft_sleep(WEFT_US(i % 100));
		CHECK_EQ(weft_waitgroup_go(&closing, close_one, ch), 0);
		/* All have seen the end, so it may go, though the close has perhaps not returned. */
		JOIN();
		WEFT_CHAN_DESTROY(ch);
		CHECK_EQ(weft_waitgroup_wait(&closing), 0);
	}
}

int main(void)
{
	test_begin();
	rounds = test_scaled(20000);
	replies(false, false);
	rounds = test_scaled(4000);
	replies(false, true);
	replies(true, false);
	replies(true, true);
	sender_destroys(false);
	sender_destroys(true);
	closes(false);
	closes(true);
	rounds = test_scaled(400);
	on_both(crowd_destroys);
	test_end();
	return 0;
}
