/* local.c - id, name and values of the running task (or plain thread). */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/sched.h"

static uint32_t nkeys; /* atomic; a key is given out once and for all */
static void (*destructors[WEFT_LOCAL_KEYS_MAX])(void *value);

/* Destructors may set values again; as with pthreads, they get some rounds. */
enum { ROUNDS = 4 };

int weft_local_create(weft_local_key_t *key, void (*destructor)(void *value))
{
	uint32_t n = at_load(&nkeys, RELAXED);

	do {
		if (n >= WEFT_LOCAL_KEYS_MAX)
			return -EAGAIN;
	} while (!at_cas(&nkeys, &n, n + 1, RELAXED, RELAXED));
	at_store(&destructors[n], destructor, RELEASE);
	*key = n;
	return 0;
}

/* Where the values of the caller stand; NULL: weft does not know the thread. */
static void ***place(void)
{
	struct weft__thread *self = weft__self();

	if (self == NULL)
		return NULL;
	return self->task != NULL ? &self->task->locals : &self->locals;
}

static void check(const char *call, weft_local_key_t key)
{
	if (unlikely(key >= at_load(&nkeys, RELAXED)))
		weft__panic("%s: key %u was never created", call, (unsigned)key);
}

void *weft_local_get(weft_local_key_t key)
{
	void ***locals = place();

	check("weft_local_get", key);
	return locals == NULL || *locals == NULL ? NULL : (*locals)[key];
}

int weft_local_set(weft_local_key_t key, void *value)
{
	void ***locals = place();

	check("weft_local_set", key);
	if (locals == NULL) {
		if (weft__thread_new() == NULL)
			return -ENOMEM;
		locals = place();
	}
	if (*locals == NULL) {
		if (value == NULL)
			return 0;
		*locals = weft__alloc(sizeof(void *) * WEFT_LOCAL_KEYS_MAX);
		if (*locals == NULL)
			return -ENOMEM;
	}
	(*locals)[key] = value;
	return 0;
}

void weft__locals_end(void **locals)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool any = false;
		for (uint32_t key = 0; key < WEFT_LOCAL_KEYS_MAX; key++) {
			void *value = locals[key];
			void (*destructor)(void *) = at_load(&destructors[key], ACQUIRE);
			locals[key] = NULL;
			if (value != NULL && destructor != NULL) {
				destructor(value);
				any = true;
			}
		}
		if (!any)
			break;
	}
	weft__free(locals);
}

uint64_t weft_task_id(void)
{
	struct weft__thread *self = weft__self();

	return self != NULL && self->task != NULL ? self->task->id : 0;
}

const char *weft_task_name(void)
{
	struct weft__thread *self = weft__self();

	return self != NULL && self->task != NULL ? task_name(self->task) : "";
}

void weft_task_set_name(const char *name)
{
	struct weft__thread *self = weft__self();
	struct weft__task *t;

	if (self == NULL || self->task == NULL)
		return;
	t = self->task;
	t->name[0] = '\0';
	if (name != NULL)
		strncat(t->name, name, NAME_SIZE - 1);
	at_store(&t->flags, t->flags | TASK_NAMED, RELAXED);
}
