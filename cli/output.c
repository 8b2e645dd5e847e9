/* output.c - see output.h. */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_FIRST = 1024, BUFFER_ENOUGH = 64 * 1024 };

void sink_init(struct sink *sink, int fd, bool at_once)
{
	*sink = (struct sink){ .lock = PTHREAD_MUTEX_INITIALIZER, .fd = fd, .at_once = at_once };
}

int sink_error(struct sink *sink)
{
	return __atomic_load_n(&sink->error, __ATOMIC_RELAXED);
}

static void fail(struct sink *sink, int error)
{
	int none = 0;

	__atomic_compare_exchange_n(&sink->error, &none, error, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * Under the lock. errno belongs to the thread: it is read here alone, where no task parks, and never
 * inlined to where one does.
 */
__attribute__((noinline)) static void write_all(struct sink *sink, const char *bytes, size_t n)
{
	while (n > 0 && sink_error(sink) == 0) {
		ssize_t done = write(sink->fd, bytes, n);
		if (done >= 0) {
			bytes += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			/* Somebody made the descriptor non-blocking. */
			poll(&(struct pollfd){ .fd = sink->fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			fail(sink, errno);
		}
	}
}

static void erase(struct sink *sink)
{
	static const char code[] = "\r\033[K";

	if (sink->drawn)
		write_all(sink, code, sizeof code - 1);
	sink->drawn = false;
}

void sink_draw(struct sink *sink, const char *text)
{
	pthread_mutex_lock(&sink->lock);
	erase(sink);
	if (text != NULL) {
		write_all(sink, text, strlen(text));
		sink->drawn = true;
	}
	pthread_mutex_unlock(&sink->lock);
}

void buffer_init(struct buffer *buffer, struct sink *sink)
{
	*buffer = (struct buffer){ .sink = sink };
}

void buffer_finish(struct buffer *buffer)
{
	free(buffer->bytes);
	buffer->bytes = NULL;
	buffer->used = buffer->cap = 0;
}

static char *grow(struct buffer *buffer, size_t n)
{
	size_t cap = buffer->cap == 0 ? BUFFER_FIRST : buffer->cap;
	char *bytes;

	while (cap - buffer->used < n)
		cap *= 2;
	bytes = realloc(buffer->bytes, cap);
	if (bytes == NULL) {
		fail(buffer->sink, ENOMEM);
		return NULL;
	}
	buffer->bytes = bytes;
	buffer->cap = cap;
	return bytes + buffer->used;
}

char *buffer_room(struct buffer *buffer, size_t n)
{
	return n <= buffer->cap - buffer->used ? buffer->bytes + buffer->used : grow(buffer, n);
}

void buffer_flush(struct buffer *buffer)
{
	struct sink *sink = buffer->sink;

	if (buffer->used == 0)
		return;
	pthread_mutex_lock(&sink->lock);
	erase(sink);
	write_all(sink, buffer->bytes, buffer->used);
	pthread_mutex_unlock(&sink->lock);
	buffer->used = 0;
}

void buffer_line(struct buffer *buffer)
{
	if (buffer->used >= BUFFER_ENOUGH || buffer->sink->at_once)
		buffer_flush(buffer);
}

static void add(struct buffer *buffer, const char *bytes, size_t n)
{
	char *to = buffer_room(buffer, n);

	if (to == NULL)
		return;
	memcpy(to, bytes, n);
	buffer->used += n;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	add(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	add(buffer, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* The length of the UTF-8 sequence that the bytes begin with, 0 when they begin with none. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	unsigned char c = s[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, and what lies beyond U+10FFFF. */
	if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) ||
		(c == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void buffer_quoted(struct buffer *buffer, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	buffer_text(buffer, "'");
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_len(s + i, len - i);
		if (s[i] == '\'' || s[i] == '\\')
			buffer_printf(buffer, "\\%c", s[i]);
		else if (s[i] == '\n')
			buffer_text(buffer, "\\n");
		else if (s[i] == '\t')
			buffer_text(buffer, "\\t");
		else if (n == 0 || s[i] < 0x20 || s[i] == 0x7f || (s[i] == 0xc2 && s[i + 1] < 0xa0))
			/* Also U+0080 to U+009F, which a terminal obeys. */
			for (size_t k = 0; k < (n == 0 ? 1 : n); k++)
				buffer_printf(buffer, "\\%03o", s[i + k]);
		else
			add(buffer, bytes + i, n);
		n += n == 0;
	}
	buffer_text(buffer, "'");
}

void buffer_json(struct buffer *buffer, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t plain = 0; /* where the bytes begin that stand for themselves */

	buffer_text(buffer, "\"");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);
		if (n > 0 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
			i += n;
			continue;
		}
		add(buffer, bytes + plain, i - plain);
		if (n == 0)
			buffer_printf(buffer, "\\udc%02x", s[i]);
		else if (s[i] < 0x20)
			buffer_printf(buffer, "\\u%04x", s[i]);
		else
			buffer_printf(buffer, "\\%c", s[i]);
		plain = ++i;
	}
	add(buffer, bytes + plain, len - plain);
	buffer_text(buffer, "\"");
}
