/* weft-test: timeout=300 */
/*
 * Tasks and threads fly with a few keys, short and long, with limits that pass at any moment, and forget.
 * Each result belongs to its key; no two calls of a key run at a time unless it was forgotten; as many shared
 * a result as were told; and a flight may be freed when its last call has returned. WEFT_TEST_SEED repeats a
 * mix, WEFT_TEST_OPS scales it.
 */
#include "test.h"

#include "crowd.h"

enum { KEYS = 4, TASKS = 24, THREADS = 3 };

struct key {
	char bytes[100];
	size_t size;
	unsigned running; /* atomic */
	bool forgets;
};

static struct key keys[KEYS];
static weft_flight_t flight;
static unsigned ops;
static uint64_t ran, freed, shared_by, got, timed_out, cancelled; /* atomic */

struct result {
	const struct key *key;
	unsigned readers; /* atomic: those who have read it */
};

struct flier {
	struct key *key;
	uint32_t dice;
};

static int loads(void *arg, void **place)
{
	struct flier *f = arg;
	struct result *r = malloc(sizeof *r);

	CHECK(r != NULL);
	*r = (struct result){ f->key, 0 };
	*place = r;
	if (!f->key->forgets)
		CHECK_EQ(at_add(&f->key->running, 1, RELAXED), 0);
	if (dice(&f->dice, 2) == 0)
		weft_sleep(dice(&f->dice, 40000));
	else
		weft_yield();
	if (!f->key->forgets)
		at_sub(&f->key->running, 1, RELAXED);
	at_add(&ran, 1, RELAXED);
	return (int)(f->key - keys);
}

static void cancels(void *arg)
{
	weft_context_destroy(arg);
}

static int fly_ctx(struct flier *f, uint32_t *state, void **result, int *shared)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_timer_t timer = WEFT_TIMER_INIT;
	int err;

	CHECK(ctx != NULL);
	CHECK_EQ(weft_timer_after(&timer, dice(state, 40000), cancels, weft_context_retain(ctx)), 0);
	err = weft_flight_do_ctx(&flight, f->key->bytes, f->key->size, loads, f, result, shared, ctx);
	if (weft_timer_stop(&timer) == 1)
		weft_context_release(ctx);
	weft_context_release(ctx);
	return err;
}

static void one(uint32_t *state)
{
	struct key *k = &keys[dice(state, KEYS)];
	struct flier f = { k, random_next(state) | 1 };
	void *result = NULL;
	struct result *r;
	int shared = -1, err;

	switch (dice(state, 4)) {
	case 0:
		err = weft_flight_do_until(
			&flight, k->bytes, k->size, loads, &f, &result, &shared, dice_deadline(state, 40000));
		break;
	case 1:
		err = fly_ctx(&f, state, &result, &shared);
		break;
	default:
		err = weft_flight_do(&flight, k->bytes, k->size, loads, &f, &result, &shared);
	}
	if (k->forgets && dice(state, 4) == 0)
		weft_flight_forget(&flight, k->bytes, k->size);
	if (err < 0) {
		CHECK(err == -ETIMEDOUT || err == -ECANCELED);
		CHECK(result == NULL && shared == -1);
		at_add(err == -ETIMEDOUT ? &timed_out : &cancelled, 1, RELAXED);
		return;
	}
	CHECK_EQ(err, k - keys);
	CHECK(shared >= 0 && result != NULL);
	at_add(&got, 1, RELAXED);
	if (shared > 0)
		at_add(&shared_by, 1, RELAXED);
	r = result;
	CHECK(r->key == k);
	/* The last of those that share it frees it: each was told how many they are. */
	if (at_add(&r->readers, 1, ACQ_REL) == (unsigned)shared) {
		free(r);
		at_add(&freed, 1, RELAXED);
	}
}

static void works(void *arg)
{
	uint32_t state = *(uint32_t *)arg;

	for (unsigned i = 0; i < ops; i++)
		one(&state);
}

/* ---- freed with the last return ---- */

struct shared_flight {
	weft_flight_t flight;
	unsigned users; /* atomic */
};

static int nothing(void *arg, void **result)
{
	(void)arg;
	(void)result;
	weft_yield();
	return 3;
}

static void uses(void *arg)
{
	struct shared_flight *s = arg;

	CHECK_EQ(weft_flight_do(&s->flight, "k", 1, nothing, NULL, NULL, NULL), 3);
	if (at_sub(&s->users, 1, ACQ_REL) == 1) {
		memset(s, 0xa5, sizeof *s);
		free(s);
	}
}

static void freed_at_once(void)
{
	struct crowd crowd = { .nthreads = 0 };

	for (unsigned round = 0; round < test_scaled(500); round++) {
		struct shared_flight *s = calloc(1, sizeof *s);
		CHECK(s != NULL);
		s->users = 2 + round % 4;
		for (unsigned i = 0, n = s->users; i < n; i++)
			crowd_add(&crowd, round % 8 == 0 ? i : 0, uses, s);
		if (crowd.nthreads > 4)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

int main(void)
{
	struct crowd crowd = { .nthreads = 0 };
	uint32_t seeds[TASKS + THREADS];

	ops = test_ops(600);
	for (unsigned i = 0; i < KEYS; i++) {
		memset(keys[i].bytes, 'a', sizeof keys[i].bytes);
		keys[i].bytes[i / 2] = 'b';
		keys[i].size = i % 2 == 0 ? 5 : 100;
		keys[i].forgets = i >= 2;
	}
	test_begin();
	for (unsigned i = 0; i < TASKS + THREADS; i++) {
		seeds[i] = dice_seed(i);
		if (i < TASKS)
			crowd_add_task(&crowd, works, &seeds[i]);
		else
			crowd_add_thread(&crowd, works, &seeds[i]);
	}
	crowd_join(&crowd);
	CHECK(flight.weft__calls == NULL);
	CHECK_EQ(freed, ran);
	CHECK_EQ(got + timed_out + cancelled, (uint64_t)ops * (TASKS + THREADS));
	fprintf(stderr, "%llu runs for %llu callers; %llu shared; %llu timed out, %llu cancelled\n",
		(unsigned long long)ran, (unsigned long long)got, (unsigned long long)shared_by,
		(unsigned long long)timed_out, (unsigned long long)cancelled);
	freed_at_once();
	test_end();
	return 0;
}
