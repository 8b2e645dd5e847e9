/*
 * output.h - output of several writers into one descriptor: no line is torn, nothing is lost unnoticed.
 *
 * Each writer collects lines in a buffer of its own and hands them over in large pieces. After the first
 * write that fails nothing more is written, and the sink keeps the error.
 */
#ifndef WEFT_CLI_OUTPUT_H
#define WEFT_CLI_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink {
	pthread_mutex_t lock; /* orders writes; may be held while a write blocks, never while a task parks */
	int fd;
	int error;    /* 0, or the errno of what failed first; atomic */
	bool at_once; /* for eyes: each line is written when it ends */
	bool drawn;   /* a line is shown that the next output must erase; under the lock */
};

/* Owned by one writer. */
struct buffer {
	struct sink *sink;
	char *bytes;
	size_t used;
	size_t cap;
};

void sink_init(struct sink *sink, int fd, bool at_once);
/* The first error, or 0. Any thread. */
int sink_error(struct sink *sink);
/* Shows text in place of what was drawn before; NULL: only erases that. For a terminal. */
void sink_draw(struct sink *sink, const char *text);

/* The zeroed buffer is empty and needs no memory. */
void buffer_init(struct buffer *buffer, struct sink *sink);
/* Frees the memory; what was not flushed is lost. */
void buffer_finish(struct buffer *buffer);
/*
 * Room for n bytes behind what there is: write them and add to `used`. NULL: no memory, the sink has the
 * error.
 */
char *buffer_room(struct buffer *buffer, size_t n);
/* To be called after each whole line: hands over what has collected, when it is enough. */
void buffer_line(struct buffer *buffer);
void buffer_flush(struct buffer *buffer);

void buffer_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* 'bytes' for a message: one line, safe for a terminal; what is not printable UTF-8 is escaped as in C. */
void buffer_quoted(struct buffer *buffer, const char *bytes, size_t len);
/* "bytes" as a JSON string; a byte that is not part of valid UTF-8 becomes \udc80 to \udcff. */
void buffer_json(struct buffer *buffer, const char *bytes, size_t len);

#endif /* WEFT_CLI_OUTPUT_H */
