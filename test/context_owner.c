/*
 * Somebody cancels; the owner sees it and destroys the context at once, while the cancel is still on its way
 * out.
 */
#include "test.h"

#include <sched.h>

static weft_context_t *handed; /* atomic */

static void *cancels(void *arg)
{
	(void)arg;
	for (unsigned looks = 0;; looks++) {
		weft_context_t *ctx = at_xchg(&handed, NULL, ACQ_REL);
		if (ctx == (weft_context_t *)(void *)&handed)
			return NULL;
		if (ctx != NULL)
			weft_context_cancel_cause(ctx, -EIO);
		else if (looks % 64 == 0) /* where it keeps the other from its CPU */
			sched_yield();
	}
}

int main(void)
{
	unsigned rounds = test_scaled(30000);
	weft_time_t enough = weft_now() + WEFT_S(10);
	pthread_t thread;

	test_begin();
	CHECK_EQ(pthread_create(&thread, NULL, cancels, NULL), 0);
	/* On a busy machine each round costs a time slice: then fewer have to do. */
	for (unsigned i = 0; i < rounds && (i < 100 || weft_now() < enough); i++) {
		weft_context_t *ctx = weft_context_create(NULL);

		CHECK(ctx != NULL);
		at_store(&handed, ctx, RELEASE);
		for (volatile unsigned k = 0; k < i % 400; k++)
			;
		if (i % 2 == 0)
			CHECK_EQ(weft_context_wait(ctx), 0);
		else
			while (weft_context_err(ctx) == 0)
				weft_yield();
		CHECK_EQ(weft_context_cause(ctx), -EIO);
		weft_context_destroy(ctx);
	}
	at_store(&handed, (weft_context_t *)(void *)&handed, RELEASE);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	test_end();
	return 0;
}
