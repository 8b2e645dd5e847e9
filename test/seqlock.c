/* weft-test: label=valgrind */
/*
 * Seqlock: sizes and alignments; readers never see half of a write, nor an older one after a newer one;
 * writers are one at a time, and readers that never stop do not hold them up; a writer that parks; misuse.
 */
#include "test.h"

#include "crowd.h"
#include <sched.h>

enum { WORDS = 6, WRITERS = 4, READERS = 8 };

static weft_seqlock_t lock = WEFT_SEQLOCK_INIT;

/* ---- all sizes, and all alignments on both sides ---- */

static void copy_one(size_t size, size_t shared_at, size_t own_at)
{
	_Alignas(8) unsigned char shared[64], own[64], back[64];

	for (size_t i = 0; i < sizeof own; i++)
		own[i] = (unsigned char)(i + 1);
	memset(shared, 0xee, sizeof shared);
	memset(back, 0xee, sizeof back);
	weft_seqlock_store(&lock, shared + shared_at, own + own_at, size);
	weft_seqlock_load(&lock, back + own_at, shared + shared_at, size);
	for (size_t i = 0; i < sizeof own; i++) {
		CHECK_EQ(shared[i], i - shared_at < size ? own[i - shared_at + own_at] : 0xee);
		CHECK_EQ(back[i], i - own_at < size ? own[i] : 0xee);
	}
}

static void basics(void *arg)
{
	uint64_t begin;

	(void)arg;
	CHECK_EQ(sizeof lock, 8);
	for (size_t size = 0; size <= 40; size++)
		for (size_t at = 0; at < 64; at++)
			copy_one(size, at / 8, at % 8);
	begin = weft_seqlock_read_begin(&lock);
	CHECK(!weft_seqlock_read_retry(&lock, begin));
	CHECK_EQ((weft_seqlock_read_begin)(&lock), begin);
	weft_seqlock_write_begin(&lock);
	CHECK(weft_seqlock_read_retry(&lock, begin));
	weft_seqlock_write_end(&lock);
	CHECK(weft_seqlock_read_retry(&lock, begin));
	CHECK((weft_seqlock_read_retry)(&lock, begin));
	begin = weft_seqlock_read_begin(&lock);
	CHECK(!weft_seqlock_read_retry(&lock, begin));
}

/* ---- readers and writers ---- */

/* Word 0 counts the writes; the others follow from it. Some bytes stand beyond the last word. */
struct data {
	uint64_t words[WORDS];
	unsigned char tail[3];
};

static struct data data;              /* under the lock */
static unsigned writes_each, writing; /* the latter atomic: how many writers have not ended yet */

static uint64_t follows(uint64_t count, unsigned i)
{
	return count * (2 * i + 1) ^ i;
}

static void make(struct data *d, uint64_t count)
{
	for (unsigned i = 0; i < WORDS; i++)
		d->words[i] = follows(count, i);
	memset(d->tail, (int)(count & 0xff), sizeof d->tail);
}

static void check(const struct data *d, uint64_t *last)
{
	uint64_t count = d->words[0];

	for (unsigned i = 0; i < WORDS; i++)
		CHECK_EQ(d->words[i], follows(count, i));
	for (unsigned i = 0; i < sizeof d->tail; i++)
		CHECK_EQ(d->tail[i], count & 0xff);
	CHECK(count >= *last);
	*last = count;
}

/* Between begin and end the data are the writer's alone, but for readers: it loads as it likes. */
static void writes(void *arg)
{
	unsigned number = *(unsigned *)arg;
	struct data next;

	for (unsigned i = 0; i < writes_each; i++) {
		weft_seqlock_write_begin(&lock);
		make(&next, data.words[0] + 1);
		for (unsigned w = 0; w < WORDS; w++) {
			at_store(&data.words[w], next.words[w], RELEASE);
			if (i % 64 == 0 && w == number % WORDS)
				sched_yield();
		}
		for (unsigned b = 0; b < sizeof next.tail; b++)
			at_store(&data.tail[b], next.tail[b], RELEASE);
		weft_seqlock_write_end(&lock);
		if (i % 16 == 0)
			weft_yield();
	}
	at_sub(&writing, 1, RELAXED);
}

static void read_by_words(struct data *d)
{
	uint64_t sequence;

	do {
		sequence = weft_seqlock_read_begin(&lock);
		for (unsigned w = 0; w < WORDS; w++)
			d->words[w] = at_load(&data.words[w], ACQUIRE);
		for (unsigned b = 0; b < sizeof d->tail; b++)
			d->tail[b] = at_load(&data.tail[b], ACQUIRE);
	} while (weft_seqlock_read_retry(&lock, sequence));
}

/* Never stops while anybody writes. */
static void reads(void *arg)
{
	unsigned number = *(unsigned *)arg, n = 0;
	uint64_t last = 0;
	struct data mine;

	do {
		if (number % 2 == 0)
			read_by_words(&mine);
		else
			weft_seqlock_load(&lock, &mine, &data, sizeof mine);
		check(&mine, &last);
		if (++n % 256 == 0)
			weft_yield();
	} while (at_load(&writing, RELAXED) != 0);
	read_by_words(&mine);
	check(&mine, &last);
}

static void storm(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[READERS + WRITERS];
	uint64_t last = 0;
	struct data mine;

	make(&mine, 0);
	weft_seqlock_store(&lock, &data, &mine, sizeof data);
	writes_each = test_scaled(10000);
	writing = WRITERS;
	for (unsigned i = 0; i < READERS + WRITERS; i++) {
		numbers[i] = i;
		crowd_add(&crowd, i, i < READERS ? reads : writes, &numbers[i]);
	}
	crowd_join(&crowd);
	weft_seqlock_load(&lock, &mine, &data, sizeof mine);
	check(&mine, &last);
	CHECK_EQ(last, (uint64_t)writes_each * WRITERS);
}

/* ---- whole objects, by one writer that knows what comes next ---- */

static void stores(void *arg)
{
	struct data next;

	(void)arg;
	for (unsigned i = 1; i <= writes_each; i++) {
		make(&next, i);
		weft_seqlock_store(&lock, &data, &next, sizeof data);
		if (i % 64 == 0)
			weft_yield();
	}
	at_store(&writing, 0, RELAXED);
}

static void storm_of_objects(void)
{
	struct crowd crowd = { .nthreads = 0 };
	unsigned numbers[READERS];
	struct data mine;

	make(&mine, 0);
	weft_seqlock_store(&lock, &data, &mine, sizeof data);
	writes_each = test_scaled(40000);
	writing = 1;
	for (unsigned i = 0; i < READERS; i++) {
		numbers[i] = i;
		crowd_add(&crowd, i, reads, &numbers[i]);
	}
	crowd_add_thread(&crowd, stores, NULL);
	crowd_join(&crowd);
}

/* ---- a writer that parks, which it must not ---- */

static unsigned waiting; /* atomic */

static void waits(void *arg)
{
	uint64_t last = 1;
	struct data mine;

	at_add(&waiting, 1, RELAXED);
	if (*(unsigned *)arg % 2 == 0) {
		read_by_words(&mine);
		check(&mine, &last);
	} else {
		weft_seqlock_write_begin(&lock);
		CHECK_EQ(data.words[0], 1);
		weft_seqlock_write_end(&lock);
	}
}

static void writer_parks(void *arg)
{
	weft_waitgroup_t wg = WEFT_WAITGROUP_INIT;
	unsigned n = (unsigned)weft_procs() + 2, odd = 1, even = 0;
	struct data mine;

	(void)arg;
	make(&mine, 1);
	weft_seqlock_store(&lock, &data, &mine, sizeof data);
	weft_seqlock_write_begin(&lock);
	at_store(&waiting, 0, RELAXED);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(weft_waitgroup_go(&wg, waits, i % 2 == 0 ? &even : &odd), 0);
	while (at_load(&waiting, RELAXED) != n)
		CHECK_EQ(weft_sleep(WEFT_MS(1)), 0);
	weft_seqlock_write_end(&lock);
	CHECK_EQ(weft_waitgroup_wait(&wg), 0);
}

/* ---- misuse ---- */

static void not_begun(void)
{
	NOTE("weft_seqlock_write_end: seqlock %p is not being written", (void *)&lock);
	weft_seqlock_write_end(&lock);
}

static void ended_twice(void)
{
	NOTE("weft_seqlock_write_end: seqlock %p is not being written", (void *)&lock);
	weft_seqlock_write_begin(&lock);
	weft_seqlock_write_end(&lock);
	weft_seqlock_write_end(&lock);
}

int main(void)
{
	MUST_PANIC(not_begun, "is not being written");
	MUST_PANIC(ended_twice, "is not being written");
	basics(NULL);
	test_begin();
	CHECK_EQ(weft_run(basics, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		storm();
		storm_of_objects();
	}
	CHECK_EQ(weft_run(writer_parks, NULL), 0);
	test_end();
	return 0;
}
