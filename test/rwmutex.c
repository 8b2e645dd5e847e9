/* weft-test: label=valgrind */
/*
 * Read-write mutex: who may hold it together with whom, whose turn it is, limits, readers that count in slots
 * and those that have moved, the memory may go at once, conditions, and what misuse says.
 */
#include "test.h"

#include "crowd.h"

enum { WAITERS = 24, SLOTS = 4, READER = 1 << 20 }; /* the latter as in rwmutex.c */

#define READING(rw) count_queued(&(rw)->weft__lock, &(rw)->weft__readers)
#define WRITING(rw) count_queued(&(rw)->weft__lock, &(rw)->weft__writers)

static weft_rwmutex_t rw;

static uint64_t state(weft_rwmutex_t *lock)
{
	return at_load(&lock->weft__state, RELAXED);
}

/* A mutex that nobody holds, or readers in state, takes readers in slots from now on. */
static void open_slots(weft_rwmutex_t *lock)
{
	if (weft__barriers_unequal)
		at_or(&lock->weft__state, SLOTS, RELAXED);
}

static void is_free(weft_rwmutex_t *lock)
{
	CHECK_EQ(READING(lock), 0);
	CHECK_EQ(WRITING(lock), 0);
	CHECK_EQ(weft_rwmutex_try_lock(lock), 0);
	weft_rwmutex_unlock(lock);
}

static void rlock(weft_rwmutex_t *lock)
{
	CHECK_EQ(weft_rwmutex_rlock(lock), 0);
}

static void lock(weft_rwmutex_t *l)
{
	CHECK_EQ(weft_rwmutex_lock(l), 0);
}

static void locked_for_reading(weft_rwmutex_t *lock, bool slots)
{
	if (slots)
		open_slots(lock);
	CHECK_EQ(weft_rwmutex_rlock_until(lock, 0), 0);
	CHECK_EQ(weft_rwmutex_try_rlock(lock), 0);
	CHECK_EQ(weft_rwmutex_rlock_ctx(lock, NULL), 0);
	CHECK_EQ(weft_rwmutex_try_lock(lock), -EBUSY);
	weft_rwmutex_runlock(lock);
	if (slots)
		open_slots(lock);
	CHECK_EQ(weft_rwmutex_lock_until(lock, 0), -ETIMEDOUT);
	CHECK_EQ(weft_rwmutex_lock_until(lock, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	weft_rwmutex_runlock(lock);
	CHECK_EQ(weft_rwmutex_try_lock(lock), -EBUSY);
	weft_rwmutex_runlock(lock);
	if (slots)
		open_slots(lock);
	CHECK_EQ(weft_rwmutex_lock_until(lock, 0), 0);
	weft_rwmutex_unlock(lock);
}

static void basics(void *arg)
{
	weft_context_t *ctx = weft_context_create(NULL);
	weft_rwmutex_t zeroed;

	(void)arg;
	CHECK(ctx != NULL);
	weft_context_cancel(ctx);
	memset(&zeroed, 0, sizeof zeroed);
	lock(&zeroed);
	CHECK_EQ(weft_rwmutex_try_lock(&zeroed), -EBUSY);
	CHECK_EQ(weft_rwmutex_try_rlock(&zeroed), -EBUSY);
	CHECK_EQ(weft_rwmutex_lock_until(&zeroed, 0), -ETIMEDOUT);
	CHECK_EQ(weft_rwmutex_rlock_until(&zeroed, 0), -ETIMEDOUT);
	CHECK_EQ(weft_rwmutex_lock_until(&zeroed, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_rwmutex_rlock_until(&zeroed, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
	CHECK_EQ(weft_rwmutex_lock_ctx(&zeroed, ctx), -ECANCELED);
	CHECK_EQ(weft_rwmutex_rlock_ctx(&zeroed, ctx), -ECANCELED);
	weft_rwmutex_unlock(&zeroed);
	CHECK_EQ(state(&zeroed), 0);
	locked_for_reading(&zeroed, false);
	locked_for_reading(&zeroed, true);
	/* A cancelled context ends all. */
	CHECK_EQ(weft_rwmutex_lock_ctx(&zeroed, ctx), -ECANCELED);
	open_slots(&zeroed);
	CHECK_EQ(weft_rwmutex_lock_ctx(&zeroed, ctx), -ECANCELED);
	CHECK_EQ(weft_rwmutex_rlock_ctx(&zeroed, ctx), -ECANCELED);
	CHECK_EQ(weft_rwmutex_lock_ctx(&zeroed, NULL), 0);
	weft_rwmutex_unlock(&zeroed);
	is_free(&zeroed);
	weft_context_release(ctx);
}

/* ---- whose turn it is ---- */

static unsigned arrived, order[WAITERS]; /* arrived: atomic */

static void arrives(unsigned number)
{
	order[at_add(&arrived, 1, ACQ_REL)] = number;
}

static void writes(void *arg)
{
	lock(&rw);
	arrives(*(unsigned *)arg);
	weft_rwmutex_unlock(&rw);
}

static void reads(void *arg)
{
	rlock(&rw);
	arrives(*(unsigned *)arg);
	weft_rwmutex_runlock(&rw);
}

static unsigned numbers[WAITERS];

static void add_writer(struct crowd *crowd, unsigned i)
{
	unsigned n = WRITING(&rw);

	numbers[i] = i;
	crowd_add(crowd, i, writes, &numbers[i]);
	WAIT_FOR(WRITING(&rw) == n + 1);
}

static void add_reader(struct crowd *crowd, unsigned i)
{
	unsigned n = READING(&rw);

	numbers[i] = i;
	crowd_add(crowd, i, reads, &numbers[i]);
	WAIT_FOR(READING(&rw) == n + 1);
}

/* A writer that waits goes before readers that came after it, but after those that were there. */
static void writer_holds_back(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };

	(void)arg;
	for (unsigned slots = 0; slots < 2; slots++) {
		arrived = 0;
		if (slots)
			open_slots(&rw);
		rlock(&rw);
		rlock(&rw);
		add_writer(&crowd, 0);
		CHECK_EQ(weft_rwmutex_try_rlock(&rw), -EBUSY);
		CHECK_EQ(weft_rwmutex_rlock_until(&rw, weft_deadline_in(WEFT_US(50))), -ETIMEDOUT);
		for (unsigned i = 1; i < 8; i++)
			add_reader(&crowd, i);
		weft_rwmutex_runlock(&rw);
		CHECK_EQ(at_load(&arrived, ACQUIRE), 0);
		weft_rwmutex_runlock(&rw);
		crowd_join(&crowd);
		CHECK_EQ(arrived, 8);
		CHECK_EQ(order[0], 0);
		is_free(&rw);
	}
}

static weft_waitgroup_t together;

static void reads_together(void *arg)
{
	rlock(&rw);
	arrives(*(unsigned *)arg);
	/* Nobody gets past here unless all readers are there, each with its read lock. */
	weft_waitgroup_done(&together);
	CHECK_EQ(weft_waitgroup_wait(&together), 0);
	weft_rwmutex_runlock(&rw);
}

/* An unlock lets all readers in, also those that came after another writer; then come the writers in turn. */
static void readers_between(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };

	(void)arg;
	arrived = 0;
	lock(&rw);
	weft_waitgroup_add(&together, WAITERS - 4);
	for (unsigned i = 0; i < WAITERS; i++) {
		if (i % 6 == 2) {
			add_writer(&crowd, i);
			continue;
		}
		numbers[i] = i;
		crowd_add(&crowd, i, reads_together, &numbers[i]);
		WAIT_FOR(READING(&rw) + WRITING(&rw) == i + 1);
	}
	CHECK_EQ(at_load(&arrived, ACQUIRE), 0);
	weft_rwmutex_unlock(&rw);
	crowd_join(&crowd);
	CHECK_EQ(arrived, WAITERS);
	for (unsigned i = 0; i < WAITERS - 4; i++)
		CHECK(order[i] % 6 != 2);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(order[WAITERS - 4 + i], 6 * i + 2);
	is_free(&rw);
}

static void unlocks(void *arg)
{
	weft_rwmutex_unlock(arg);
}

static void runlocks(void *arg)
{
	weft_rwmutex_runlock(arg);
}

static void another_unlocks(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;

	(void)arg;
	lock(&rw);
	CHECK_EQ(weft_waitgroup_go(&wg, unlocks, &rw), 0);
	rlock(&rw);
	CHECK_EQ(weft_waitgroup_go(&wg, runlocks, &rw), 0);
	lock(&rw);
	weft_rwmutex_unlock(&rw);
	weft_waitgroup_wait(&wg);
}

/* ---- limits ---- */

static weft_context_t *ctx;

static void writer_is_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_rwmutex_lock_ctx(&rw, ctx), -ECANCELED);
}

static void writer_times_out(void *arg)
{
	CHECK_EQ(weft_rwmutex_lock_until(&rw, *(weft_time_t *)arg), -ETIMEDOUT);
}

static void reader_is_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_rwmutex_rlock_ctx(&rw, ctx), -ECANCELED);
}

static void reader_times_out(void *arg)
{
	(void)arg;
	CHECK_EQ(weft_rwmutex_rlock_until(&rw, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
}

/* The readers behind writers that all have given up go on, while another reader is still there. */
static void writers_give_up(bool slots)
{
	struct crowd writers = { .nthreads = 0 }, readers = { .nthreads = 0 };
	weft_time_t soon;

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	arrived = 0;
	if (slots)
		open_slots(&rw);
	rlock(&rw);
	for (unsigned i = 0; i < 8; i++) {
		crowd_add(&writers, i, writer_is_cancelled, NULL);
		WAIT_FOR(WRITING(&rw) == i + 1);
		add_reader(&readers, i);
	}
	CHECK_EQ(at_load(&arrived, ACQUIRE), 0);
	weft_context_cancel(ctx);
	crowd_join(&readers);
	crowd_join(&writers);
	CHECK_EQ(arrived, 8);
	soon = weft_deadline_in(WEFT_MS(5));
	crowd_add_task(&writers, writer_times_out, &soon);
	crowd_add_thread(&writers, writer_times_out, &soon);
	WAIT_FOR(WRITING(&rw) > 0 || weft_now() > soon);
	rlock(&rw);
	crowd_join(&writers);
	CHECK_EQ(weft_rwmutex_try_lock(&rw), -EBUSY);
	weft_rwmutex_runlock(&rw);
	weft_rwmutex_runlock(&rw);
	is_free(&rw);
	weft_context_release(ctx);
}

/* Readers give up behind a writer that holds the mutex, and behind one that waits; those who stay get it. */
static void readers_give_up(bool held)
{
	struct crowd writer = { .nthreads = 0 }, impatient = { .nthreads = 0 }, patient = { .nthreads = 0 };

	ctx = weft_context_create(NULL);
	CHECK(ctx != NULL);
	arrived = 0;
	if (held) {
		lock(&rw);
	} else {
		rlock(&rw);
		add_writer(&writer, WAITERS - 1);
	}
	for (unsigned i = 0; i < 8; i++) {
		crowd_add(&impatient, i, reader_is_cancelled, NULL);
		WAIT_FOR(READING(&rw) == (i < 6 ? i : 6) + i + 1);
		if (i < 6)
			add_reader(&patient, i);
	}
	weft_context_cancel(ctx);
	crowd_join(&impatient);
	CHECK_EQ(READING(&rw), 6);
	for (unsigned i = 0; i < 8; i++)
		crowd_add(&impatient, i, reader_times_out, NULL);
	crowd_join(&impatient);
	CHECK_EQ(READING(&rw), 6);
	if (held)
		weft_rwmutex_unlock(&rw);
	else
		weft_rwmutex_runlock(&rw);
	crowd_join(&patient);
	crowd_join(&writer);
	CHECK_EQ(arrived, held ? 6 : 7);
	is_free(&rw);
	weft_context_release(ctx);
}

/* All who waited have given up: the holder's unlock is the plain one again. */
static void all_give_up(void)
{
	struct crowd crowd = { .nthreads = 0 };
	weft_time_t soon = weft_deadline_in(WEFT_MS(1));

	lock(&rw);
	crowd_add_task(&crowd, reader_times_out, NULL);
	crowd_add_thread(&crowd, writer_times_out, &soon);
	crowd_add_task(&crowd, writer_times_out, &soon);
	crowd_join(&crowd);
	CHECK_EQ(state(&rw), 1);
	weft_rwmutex_unlock(&rw);
	CHECK_EQ(state(&rw), 0);
}

/* ---- slots ---- */

/* Until the readers count in slots, of their own accord. */
static void read_until_slots(weft_rwmutex_t *lock)
{
	for (unsigned i = 0; !(state(lock) & SLOTS); i++) {
		CHECK(i < 1000000);
		rlock(lock);
		weft_rwmutex_runlock(lock);
		if (i % 1000 == 999)
			weft_yield();
	}
}

static void enters_and_leaves(void *arg)
{
	(void)arg;
	if (!weft__barriers_unequal)
		return;
	for (unsigned round = 0; round < 3; round++) {
		read_until_slots(&rw);
		CHECK_EQ(state(&rw), SLOTS);
		rlock(&rw);
		rlock(&rw);
		CHECK_EQ(state(&rw), SLOTS);
		CHECK_EQ(weft_rwmutex_try_lock(&rw), -EBUSY);
		CHECK_EQ(state(&rw), 2 * READER);
		weft_rwmutex_runlock(&rw);
		weft_rwmutex_runlock(&rw);
		CHECK_EQ(state(&rw), 0);
		open_slots(&rw);
		lock(&rw);
		CHECK_EQ(state(&rw), 1);
		weft_rwmutex_unlock(&rw);
	}
	/* Where a writer comes after each few readers, they stay in state. */
	for (unsigned i = 0; i < 1000; i++) {
		rlock(&rw);
		weft_rwmutex_runlock(&rw);
		lock(&rw);
		CHECK_EQ(state(&rw), 1);
		weft_rwmutex_unlock(&rw);
	}
	CHECK_EQ(state(&rw), 0);
	/* More than a slot can count. */
	open_slots(&rw);
	for (unsigned i = 0; i < 3000; i++)
		rlock(&rw);
	CHECK(state(&rw) & SLOTS);
	CHECK_EQ(state(&rw) / READER, 3000 - 2047);
	/* A deadline that has passed before it has begun does not look into the slots. */
	do {
		CHECK_EQ(weft_rwmutex_lock_until(&rw, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	} while (state(&rw) & SLOTS);
	CHECK_EQ(state(&rw) / READER, 3000);
	for (unsigned i = 0; i < 3000; i++)
		weft_rwmutex_runlock(&rw);
	is_free(&rw);
}

/* Far more mutexes than slots, held at once: they get in each other's way, and each is counted. */
static void many(void *arg)
{
	enum { MANY = 400 };
	static weft_rwmutex_t locks[MANY];

	(void)arg;
	for (unsigned i = 0; i < MANY; i++) {
		open_slots(&locks[i]);
		rlock(&locks[i]);
		if (i % 3 == 0)
			rlock(&locks[i]);
	}
	for (unsigned i = 0; i < MANY; i += 2)
		CHECK_EQ(weft_rwmutex_try_lock(&locks[i]), -EBUSY);
	for (unsigned i = 0; i < MANY; i++) {
		weft_rwmutex_runlock(&locks[i]);
		if (i % 3 == 0) {
			CHECK_EQ(weft_rwmutex_try_lock(&locks[i]), -EBUSY);
			weft_rwmutex_runlock(&locks[i]);
		}
	}
	for (unsigned i = 0; i < MANY; i++)
		is_free(&locks[i]);
}

/* Read locks that were taken on one thread and are given up on others; the sum decides. */
static void moves(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };

	(void)arg;
	for (unsigned round = 0; round < test_scaled(40); round++) {
		open_slots(&rw);
		for (unsigned i = 0; i < 6; i++)
			rlock(&rw);
		crowd_add_thread(&crowd, runlocks, &rw);
		crowd_add_thread(&crowd, runlocks, &rw);
		crowd_add_task(&crowd, runlocks, &rw);
		crowd_join(&crowd);
		if (round % 2 == 0)
			open_slots(&rw);
		rlock(&rw);
		for (unsigned i = 0; i < 4; i++) {
			CHECK_EQ(weft_rwmutex_try_lock(&rw), -EBUSY);
			if (round % 3 == 0)
				open_slots(&rw);
			crowd_add(&crowd, round % 2 == 0 ? 3 : 0, runlocks, &rw);
			crowd_join(&crowd);
		}
		is_free(&rw);
	}
}

/* ---- the memory may go at once ---- */

struct counted {
	weft_rwmutex_t lock;
	unsigned users; /* atomic */
	unsigned first; /* under the lock */
};

static void drops(void *arg)
{
	static unsigned round; /* atomic */
	unsigned n = at_add(&round, 1, RELAXED);
	struct counted *c = arg;
	bool last;

	switch (n % 8) {
	case 0:
		while (weft_rwmutex_lock_until(&c->lock, weft_deadline_in(n * 131 % 20000)) != 0)
			;
		break;
	case 1:
		lock(&c->lock);
		break;
	case 2:
		while (weft_rwmutex_try_rlock(&c->lock) != 0)
			weft_yield();
		break;
	case 3:
		while (weft_rwmutex_rlock_until(&c->lock, weft_deadline_in(n * 131 % 20000)) != 0)
			;
		break;
	default:
		rlock(&c->lock);
	}
	CHECK_EQ(c->first, 1);
	last = at_sub(&c->users, 1, RELAXED) == 1;
	if (n % 3 == 0)
		weft_yield();
	if (n % 8 < 2)
		weft_rwmutex_unlock(&c->lock);
	else
		weft_rwmutex_runlock(&c->lock);
	if (last) {
		/* All others have unlocked when this is done. */
		lock(&c->lock);
		c->first = 0;
		weft_rwmutex_unlock(&c->lock);
		memset(c, 0xa5, sizeof *c);
		free(c);
	}
}

static void freed_at_once(void)
{
	struct crowd crowd = { .nthreads = 0 };

	for (unsigned round = 0; round < test_scaled(1000); round++) {
		struct counted *c = calloc(1, sizeof *c);
		unsigned n = 2 + round % 6;
		CHECK(c != NULL);
		c->users = n;
		c->first = 1;
		if (round % 2 == 0)
			open_slots(&c->lock);
		for (unsigned i = 0; i < n; i++)
			crowd_add(&crowd, round % 4 == 0 ? i : 0, drops, c);
		if (crowd.nthreads > 4 || round % 16 == 0)
			crowd_join(&crowd);
	}
	crowd_join(&crowd);
}

/* ---- conditions ---- */

static weft_cond_t cond;
static unsigned woken; /* atomic */

static void waits_writing(void *arg)
{
	(void)arg;
	lock(&rw);
	CHECK_EQ(weft_cond_wait_write_ctx(&cond, &rw, NULL), 0);
	CHECK_EQ(weft_rwmutex_try_rlock(&rw), -EBUSY);
	at_add(&woken, 1, RELAXED);
	weft_rwmutex_unlock(&rw);
}

static void waits_reading(void *arg)
{
	(void)arg;
	rlock(&rw);
	CHECK_EQ(weft_cond_wait_read_ctx(&cond, &rw, NULL), 0);
	CHECK_EQ(weft_rwmutex_try_lock(&rw), -EBUSY);
	at_add(&woken, 1, RELAXED);
	weft_rwmutex_runlock(&rw);
}

static void conditions(void *arg)
{
	struct crowd crowd = { .nthreads = 0 };
	weft_context_t *cancelled = weft_context_create(NULL);

	(void)arg;
	CHECK(cancelled != NULL);
	weft_context_cancel(cancelled);
	woken = 0;
	for (unsigned i = 0; i < 12; i++) {
		if (i % 3 == 0)
			open_slots(&rw);
		crowd_add(&crowd, i, i % 2 == 0 ? waits_reading : waits_writing, NULL);
		WAIT_FOR(QUEUED(&cond) == i + 1);
	}
	is_free(&rw);
	weft_cond_signal(&cond);
	WAIT_FOR(at_load(&woken, RELAXED) == 1);
	CHECK_EQ(QUEUED(&cond), 11);
	/* Whoever is woken takes the lock again before it returns. */
	lock(&rw);
	weft_cond_broadcast(&cond);
	WAIT_FOR(WRITING(&rw) + READING(&rw) == 11);
	CHECK_EQ(at_load(&woken, RELAXED), 1);
	CHECK_EQ(weft_cond_wait_write_until(&cond, &rw, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	CHECK_EQ(weft_cond_wait_write_ctx(&cond, &rw, cancelled), -ECANCELED);
	CHECK_EQ(state(&rw) & 1, 1);
	weft_rwmutex_unlock(&rw);
	crowd_join(&crowd);
	CHECK_EQ(woken, 12);
	open_slots(&rw);
	rlock(&rw);
	CHECK_EQ(weft_cond_wait_read_until(&cond, &rw, weft_deadline_in(WEFT_MS(1))), -ETIMEDOUT);
	CHECK_EQ(weft_cond_wait_read_until(&cond, &rw, 0), -ETIMEDOUT);
	CHECK_EQ(weft_cond_wait_read_ctx(&cond, &rw, cancelled), -ECANCELED);
	CHECK_EQ(weft_rwmutex_try_lock(&rw), -EBUSY);
	weft_rwmutex_runlock(&rw);
	is_free(&rw);
	weft_context_release(cancelled);
}

/* ---- misuse ---- */

static void not_locked(void)
{
	NOTE("weft_rwmutex_unlock: rwmutex %p is not locked for writing", (void *)&rw);
	weft_rwmutex_unlock(&rw);
}

static void unlocked_by_reader(void)
{
	NOTE("weft_rwmutex_unlock: rwmutex %p is not locked for writing", (void *)&rw);
	rlock(&rw);
	weft_rwmutex_unlock(&rw);
}

static void not_read_locked(void)
{
	NOTE("weft_rwmutex_runlock: rwmutex %p is not locked for reading", (void *)&rw);
	weft_rwmutex_runlock(&rw);
}

static void unlocked_by_writer(void)
{
	lock(&rw);
	not_read_locked();
}

static void runlocks_once_more(void *arg)
{
	read_until_slots(arg);
	rlock(arg);
	weft_rwmutex_runlock(arg);
	weft_rwmutex_runlock(arg);
}

static void runlocked_twice(void)
{
	NOTE("rwmutex %p is not locked for reading\nin task 1, created at", (void *)&rw);
	if (weft__barriers_unequal)
		weft_run(runlocks_once_more, &rw);
	else
		weft_run(runlocks, &rw);
}

static void waits_without_write_lock(void)
{
	NOTE("weft_cond_wait_write: condition %p: rwmutex %p is not locked for writing", (void *)&cond,
		(void *)&rw);
	rlock(&rw);
	(void)weft_cond_wait_write(&cond, &rw);
}

static void waits_without_read_lock(void)
{
	(void)weft_cond_wait_read(&cond, &rw);
}

int main(void)
{
	MUST_PANIC(not_locked, "is not locked for writing");
	MUST_PANIC(unlocked_by_reader, "is not locked for writing");
	MUST_PANIC(not_read_locked, "is not locked for reading");
	MUST_PANIC(unlocked_by_writer, "is not locked for reading");
	MUST_PANIC(runlocked_twice, "is not locked for reading");
	MUST_PANIC(waits_without_write_lock, "is not locked for writing");
	MUST_PANIC(waits_without_read_lock, "is not locked for reading");
	basics(NULL);
	test_begin();
	CHECK_EQ(weft_run(basics, NULL), 0);
	CHECK_EQ(weft_run(another_unlocks, NULL), 0);
	another_unlocks(NULL);
	CHECK_EQ(weft_run(enters_and_leaves, NULL), 0);
	CHECK_EQ(weft_run(many, NULL), 0);
	many(NULL);
	for (unsigned i = 0; i < test_scaled(10); i++) {
		writer_holds_back(NULL);
		readers_between(NULL);
		CHECK_EQ(weft_run(readers_between, NULL), 0);
		writers_give_up(false);
		writers_give_up(true);
		readers_give_up(false);
		readers_give_up(true);
		all_give_up();
		conditions(NULL);
	}
	CHECK_EQ(weft_run(writer_holds_back, NULL), 0);
	CHECK_EQ(weft_run(moves, NULL), 0);
	moves(NULL);
	freed_at_once();
	test_end();
	return 0;
}
