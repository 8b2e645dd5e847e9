/*
 * pipeline.c - stages joined by channels, and a consumer that has had enough.
 *
 *     $ pipeline
 *     1 9 25 49 81 121 169 225 289
 *     enough; every stage has ended
 *
 * numbers -> odd -> square -> the consumer, which stops when the sum is beyond 900. The first stage would go
 * on for ever, and each of them may be waiting to send: somebody has to tell them to stop, and wait until
 * they have.
 *
 * That is what a scope is for. Its tasks get a context, block with it, and return its error when it is
 * cancelled. The scope is over when all of its tasks are, so nobody uses the channels any more and they can
 * be freed. Each stage closes what it writes, however it ends: a source that comes to its end would end the
 * stages behind it one after the other.
 */
#include <errno.h>
#include <stdio.h>

#include <weft/weft.h>

/* A stage's argument. */
struct stage {
	WEFT_CHAN(int) in;
	WEFT_CHAN(int) out;
};

static int numbers(weft_context_t *ctx, void *arg)
{
	const struct stage *stage = arg;
	int err = 0;

	for (int n = 1; err == 0; n++)
		err = WEFT_SEND_CTX(stage->out, n, ctx);
	WEFT_CLOSE(stage->out);
	return err;
}

static int odd(weft_context_t *ctx, void *arg)
{
	const struct stage *stage = arg;
	int n, err = 0;

	while (err == 0 && (err = WEFT_RECV_CTX(stage->in, &n, ctx)) > 0)
		err = n % 2 != 0 ? WEFT_SEND_CTX(stage->out, n, ctx) : 0;
	WEFT_CLOSE(stage->out);
	return err;
}

static int square(weft_context_t *ctx, void *arg)
{
	const struct stage *stage = arg;
	int n, err = 0;

	while (err == 0 && (err = WEFT_RECV_CTX(stage->in, &n, ctx)) > 0)
		err = WEFT_SEND_CTX(stage->out, n * n, ctx);
	WEFT_CLOSE(stage->out);
	return err;
}

/* Starts the stages and consumes what they make: 0, or an error. No stage is left when it returns. */
static int consume(WEFT_CHAN(int) a, WEFT_CHAN(int) b, WEFT_CHAN(int) c)
{
	struct stage first = { NULL, a }, second = { a, b }, third = { b, c };
	int value, sum = 0, err;

	WEFT_SCOPE(scope, NULL);
	err = weft_scope_go(&scope, numbers, &first);
	if (err == 0)
		err = weft_scope_go(&scope, odd, &second);
	if (err == 0)
		err = weft_scope_go(&scope, square, &third);
	while (err == 0 && sum <= 900 && WEFT_RECV(c, &value) > 0) {
		printf("%s%d", sum > 0 ? " " : "", value);
		sum += value;
	}
	weft_scope_cancel(&scope); /* enough: that the stages return -ECANCELED now is no failure */
	int ended = weft_scope_end(&scope);
	return err != 0 ? err : ended;
}

static void start(void *arg)
{
	int *err = arg;
	WEFT_CHAN(int) a = WEFT_CHAN_CREATE(int, 0);
	WEFT_CHAN(int) b = WEFT_CHAN_CREATE(int, 0);
	WEFT_CHAN(int) c = WEFT_CHAN_CREATE(int, 0);

	*err = a != NULL && b != NULL && c != NULL ? consume(a, b, c) : -ENOMEM;
	WEFT_CHAN_DESTROY(a);
	WEFT_CHAN_DESTROY(b);
	WEFT_CHAN_DESTROY(c);
}

int main(void)
{
	int err, failed = weft_run(start, &err);

	if (failed < 0)
		err = failed;
	if (err < 0)
		fprintf(stderr, "pipeline: %s\n", weft_strerror(err));
	else
		printf("\nenough; every stage has ended\n");
	return err < 0;
}
