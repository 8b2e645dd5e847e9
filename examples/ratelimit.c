/*
 * ratelimit.c - so many a second, and a few at once: a token bucket.
 *
 *     $ ratelimit
 *     request 1: at once
 *     request 2: at once
 *     request 3: at once
 *     request 4: not before 20 ms
 *     request 5: not before 40 ms
 *     request 6: not before 60 ms
 *     request 7: not before 80 ms
 *
 * The bucket is a channel of tokens. It starts full; a task puts one in with each tick of a ticker, and
 * throws it away when the bucket is full. Who wants to do something takes a token first, and waits for one
 * when there is none. So up to BURST can go at once after a quiet time, and in the long run one each PERIOD.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <weft/weft.h>

enum { BURST = 3, REQUESTS = 7 };
#define PERIOD WEFT_MS(20)

typedef struct token {
	char nothing;
} token_t;

struct limiter {
	WEFT_CHAN(token_t) bucket;
	weft_ticker_t ticker;
	weft_context_t *ctx;
	weft_waitgroup_t refill;
};

static void refill(void *arg)
{
	struct limiter *limiter = arg;

	while (weft_ticker_wait_ctx(&limiter->ticker, limiter->ctx) == 0)
		(void)WEFT_TRY_SEND(limiter->bucket, (token_t){ 0 });
}

static void limiter_stop(struct limiter *limiter)
{
	weft_context_cancel(limiter->ctx);
	weft_waitgroup_wait(&limiter->refill);
	weft_context_destroy(limiter->ctx);
	WEFT_CHAN_DESTROY(limiter->bucket);
}

static int limiter_start(struct limiter *limiter, size_t burst, int64_t period)
{
	int err = -ENOMEM;

	*limiter = (struct limiter){
		.bucket = WEFT_CHAN_CREATE(token_t, burst),
		.ctx = weft_context_create(NULL),
	};
	if (limiter->bucket != NULL && limiter->ctx != NULL) {
		for (size_t i = 0; i < burst; i++)
			WEFT_SEND(limiter->bucket, (token_t){ 0 });
		weft_ticker_start(&limiter->ticker, period);
		err = weft_waitgroup_go(&limiter->refill, refill, limiter);
	}
	if (err < 0)
		limiter_stop(limiter);
	return err;
}

/* Waits until it may go on: 0, or the error of the caller's context. */
static int limiter_wait(struct limiter *limiter, weft_context_t *ctx)
{
	int got = WEFT_RECV_CTX(limiter->bucket, NULL, ctx);

	return got < 0 ? got : 0;
}

/* *arg: set to 0 when no request came too early, else to an error. */
static void start(void *arg)
{
	struct limiter limiter;
	weft_time_t begin = weft_now();
	int *err = arg;

	*err = limiter_start(&limiter, BURST, PERIOD);
	if (*err < 0)
		return;
	for (int i = 1; i <= REQUESTS; i++) {
		int64_t earliest = i > BURST ? (i - BURST) * PERIOD : 0;
		limiter_wait(&limiter, NULL);
		if (weft_now() - begin < earliest)
			*err = -ERANGE;
		else if (earliest == 0)
			printf("request %d: at once\n", i);
		else
			printf("request %d: not before %d ms\n", i, (int)(earliest / WEFT_MS(1)));
	}
	limiter_stop(&limiter);
}

int main(void)
{
	int err, failed = weft_run(start, &err);

	if (failed < 0)
		err = failed;
	if (err < 0)
		fprintf(stderr, "ratelimit: %s\n", weft_strerror(err));
	return err < 0;
}
