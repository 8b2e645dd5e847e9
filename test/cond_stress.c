/* weft-test: timeout=300 */
/*
 * No signal is lost to a waiter whose limit passes at the same moment. One signal is given for each token,
 * and only who was woken takes one; there are always some who wait without limit, so a token that nobody
 * takes means that its signal went to one who left. And nobody returns 0 without a token being there.
 * WEFT_TEST_SEED repeats a mix, WEFT_TEST_OPS scales it.
 */
#include "test.h"

#include "crowd.h"

enum { PATIENT = 3, IMPATIENT = 12 };

static weft_mutex_t mutex;
static weft_cond_t cond, taken;
/* under the mutex */
static unsigned patient, tokens, given, taken_by[2], left;
static bool over;

static void takes(unsigned who)
{
	CHECK(tokens > 0);
	tokens--;
	taken_by[who]++;
	weft_cond_signal(&taken);
}

static void is_patient(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	while (!over) {
		patient++;
		CHECK_EQ(weft_cond_wait(&cond, &mutex), 0);
		patient--;
		if (!over)
			takes(0);
	}
	weft_mutex_unlock(&mutex);
}

/* Has a count of its own. */
static void cancels(void *arg)
{
	weft_context_destroy(arg);
}

static int wait_ctx(uint32_t *state)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_timer_t timer = WEFT_TIMER_INIT;
	int err;

	CHECK(ctx != NULL);
	CHECK_EQ(weft_timer_after(&timer, dice(state, 30000), cancels, weft_context_retain(ctx)), 0);
	err = weft_cond_wait_ctx(&cond, &mutex, ctx);
	CHECK(err == 0 || err == -ECANCELED);
	if (weft_timer_stop(&timer) == 1)
		weft_context_release(ctx);
	weft_context_release(ctx);
	return err;
}

static void is_impatient(void *arg)
{
	uint32_t state = *(uint32_t *)arg;

	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	while (!over) {
		int err = dice(&state, 3) == 0
				  ? wait_ctx(&state)
				  : weft_cond_wait_until(&cond, &mutex, dice_deadline(&state, 30000));
		if (over)
			break;
		if (err == 0)
			takes(1);
		else
			left++;
	}
	weft_mutex_unlock(&mutex);
}

int main(void)
{
	struct crowd crowd = { .nthreads = 0 };
	uint32_t seeds[IMPATIENT], state = dice_seed(IMPATIENT);
	unsigned rounds = test_ops(4000);

	test_begin();
	for (unsigned i = 0; i < PATIENT; i++)
		crowd_add(&crowd, i + 1, is_patient, NULL);
	for (unsigned i = 0; i < IMPATIENT; i++) {
		seeds[i] = dice_seed(i);
		crowd_add(&crowd, i, is_impatient, &seeds[i]);
	}
	WAIT_FOR(QUEUED(&cond) >= PATIENT);
	CHECK_EQ(weft_mutex_lock(&mutex), 0);
	while (given < rounds) {
		bool outside = dice(&state, 3) == 0;
		if (patient == 0) {
			weft_mutex_unlock(&mutex);
			weft_yield();
			CHECK_EQ(weft_mutex_lock(&mutex), 0);
			continue;
		}
		tokens++;
		given++;
		if (outside)
			weft_mutex_unlock(&mutex);
		weft_cond_signal(&cond);
		if (outside)
			CHECK_EQ(weft_mutex_lock(&mutex), 0);
		while (tokens > 0)
			CHECK_EQ(weft_cond_wait(&taken, &mutex), 0);
	}
	over = true;
	weft_cond_broadcast(&cond);
	weft_mutex_unlock(&mutex);
	crowd_join(&crowd);
	CHECK_EQ(tokens, 0);
	CHECK_EQ(taken_by[0] + taken_by[1], given);
	fprintf(stderr, "%u tokens: %u taken by the patient, %u by others; %u left without\n", given,
		taken_by[0], taken_by[1], left);
	test_end();
	return 0;
}
