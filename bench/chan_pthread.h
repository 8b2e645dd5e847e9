/* chan_pthread.h - a channel as threads make it by hand: a mutex, two condition variables, a ring. */
#ifndef BENCH_CHAN_PTHREAD_H
#define BENCH_CHAN_PTHREAD_H

#include "bench.h"

#include <pthread.h>

#define RING 128

struct chan {
	pthread_mutex_t mutex;
	pthread_cond_t room, filled;
	long ring[RING];
	uint64_t sent, received, capacity; /* capacity 0: one place, and a send waits until it is received */
};

static inline void chan_init(struct chan *ch, uint64_t capacity)
{
	BENCH_CHECK(capacity <= RING, "at most %d places", RING);
	memset(ch, 0, sizeof *ch);
	pthread_mutex_init(&ch->mutex, NULL);
	pthread_cond_init(&ch->room, NULL);
	pthread_cond_init(&ch->filled, NULL);
	ch->capacity = capacity;
}

/* For one sender and one receiver. */
static inline void chan_send(struct chan *ch, long value)
{
	pthread_mutex_lock(&ch->mutex);
	while (ch->capacity > 0 && ch->sent - ch->received == ch->capacity)
		pthread_cond_wait(&ch->room, &ch->mutex);
	ch->ring[ch->sent++ % RING] = value;
	pthread_cond_signal(&ch->filled);
	while (ch->capacity == 0 && ch->received < ch->sent)
		pthread_cond_wait(&ch->room, &ch->mutex);
	pthread_mutex_unlock(&ch->mutex);
}

static inline long chan_recv(struct chan *ch)
{
	long value;

	pthread_mutex_lock(&ch->mutex);
	while (ch->received == ch->sent)
		pthread_cond_wait(&ch->filled, &ch->mutex);
	value = ch->ring[ch->received++ % RING];
	pthread_cond_signal(&ch->room);
	pthread_mutex_unlock(&ch->mutex);
	return value;
}

#endif /* BENCH_CHAN_PTHREAD_H */
