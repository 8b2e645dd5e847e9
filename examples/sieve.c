/*
 * sieve.c - the first primes, by a chain of tasks that grows.
 *
 *     $ sieve 10
 *     2 3 5 7 11 13 17 19 23 29
 *
 * One task counts 2, 3, 4, ... into a channel. What comes first out of the end of the chain is a prime; a
 * filter for its multiples then becomes the new end.
 *
 * How it ends: the counter is told to stop, and closes its channel. Each filter sees the end of what it
 * reads and closes what it writes, so the end runs down the chain; main reads on until it arrives. Each
 * channel is closed by the one task that sends on it, and freed by the one that receives from it.
 */
#include <stdio.h>
#include <stdlib.h>

#include <weft/weft.h>

WEFT_TASK(count, WEFT_CHAN(int), out, weft_context_t *, ctx)
{
	for (int n = 2; weft_context_err(ctx) == 0; n++)
		WEFT_SEND(out, n);
	WEFT_CLOSE(out);
}

/* Passes on what is no multiple of prime. */
WEFT_TASK(filter, int, prime, WEFT_CHAN(int), in, WEFT_CHAN(int), out)
{
	WEFT_RANGE (n, in)
		if (n % prime != 0)
			WEFT_SEND(out, n);
	WEFT_CHAN_DESTROY(in);
	WEFT_CLOSE(out);
}

/* Puts a filter behind `in`: the new end of the chain, or NULL. */
static WEFT_CHAN(int) add_filter(int prime, WEFT_CHAN(int) in)
{
	WEFT_CHAN(int) out = WEFT_CHAN_CREATE(int, 0);

	if (out != NULL && WEFT_GO(filter, prime, in, out) == 0)
		return out;
	WEFT_CHAN_DESTROY(out);
	return NULL;
}

/* Prints the first *arg primes; sets it to how many are missing. */
static void primes(void *arg)
{
	int *missing = arg, prime;
	weft_context_t *ctx = weft_context_create(NULL);
	WEFT_CHAN(int) end = WEFT_CHAN_CREATE(int, 0);
	WEFT_CHAN(int) longer;

	if (ctx != NULL && end != NULL && WEFT_GO(count, end, ctx) == 0) {
		while (*missing > 0 && WEFT_RECV(end, &prime) > 0) {
			printf("%d%c", prime, --*missing > 0 ? ' ' : '\n');
			if ((longer = add_filter(prime, end)) == NULL)
				break;
			end = longer;
		}
		weft_context_cancel(ctx);
		while (WEFT_RECV(end, NULL) > 0)
			; /* what was still under way */
	}
	WEFT_CHAN_DESTROY(end);
	weft_context_destroy(ctx);
}

int main(int argc, char **argv)
{
	int missing = argc > 1 ? atoi(argv[1]) : 25;
	int err = weft_run(primes, &missing);

	if (err < 0)
		fprintf(stderr, "sieve: %s\n", weft_strerror(err));
	else if (missing > 0)
		fprintf(stderr, "sieve: no memory for more tasks\n");
	return err < 0 || missing > 0;
}
