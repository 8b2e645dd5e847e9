#!/bin/sh
# Typed channels are typed: what fits compiles without a word, in C11 and, where there is a C++ compiler, in
# C++17; what does not fit does not compile. And the arguments of the macros are evaluated once.
set -u
source=${2:?usage: chan_types.sh BUILD_DIR SOURCE_DIR}
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
right=0
wrong=0

fail()
{
	echo "FAIL: $*"
	failed=1
}

# compile LANGUAGE FILE
compile()
{
	case $1 in
	c) set -- $CC -std=c11 "$2" ;;
	*) set -- $CXX -std=c++17 -x c++ "$2" ;;
	esac
	"$@" -I"$source/include" -Werror -Wall -Wextra ${shadow--Wshadow} -pedantic -c -o "$work/out.o" \
		>"$work/log" 2>&1
}

# A program around the statements of standard input.
program()
{
	cat <<'END'
#include <weft/chan.h>
#include <weft/context.h>
#include <weft/select.h>
struct pair { int a; double b; };
int statements(WEFT_CHAN(int) ints, WEFT_CHAN(long) longs, WEFT_CHAN(struct pair) pairs,
	WEFT_CHAN(const char *) texts, WEFT_CHAN(struct pair *) pointers, WEFT_CHAN(WEFT_CHAN(int)) channels,
	weft_context_t *ctx, weft_case_t *cases);
int statements(WEFT_CHAN(int) ints, WEFT_CHAN(long) longs, WEFT_CHAN(struct pair) pairs,
	WEFT_CHAN(const char *) texts, WEFT_CHAN(struct pair *) pointers, WEFT_CHAN(WEFT_CHAN(int)) channels,
	weft_context_t *ctx, weft_case_t *cases)
{
	int i = 0;
	long l = 0;
	const int constant = 1;
	struct pair pair = { 1, 2.0 }, *pointer = &pair;
	const char *text = "text";
	char *writable = NULL;
	void *untyped = NULL;
	WEFT_CHAN(int) other = ints;
	(void)ints, (void)longs, (void)pairs, (void)texts, (void)pointers, (void)channels, (void)ctx;
	(void)cases, (void)l, (void)constant, (void)pointer, (void)text, (void)writable, (void)untyped;
	(void)i, (void)pair, (void)other;
END
	cat
	echo '	return i;'
	echo '}'
}

# fits LANGUAGES STATEMENTS
fits()
{
	for language in $1; do
		[ "$language" = c ] || [ -n "${CXX:-}" ] || continue
		echo "$2" | program >"$work/right.c"
		right=$((right + 1))
		if ! compile "$language" "$work/right.c"; then
			fail "in $language this should compile: $2"
			head -20 "$work/log"
		fi
	done
}

# misfits LANGUAGES STATEMENTS
misfits()
{
	for language in $1; do
		[ "$language" = c ] || [ -n "${CXX:-}" ] || continue
		echo "$2" | program >"$work/wrong.c"
		wrong=$((wrong + 1))
		if compile "$language" "$work/wrong.c"; then
			fail "in $language this should not compile: $2"
		fi
	done
}

both='c c++'

# ---- what fits ----

fits "$both" ''
fits "$both" 'i = WEFT_SEND(ints, 1) + WEFT_SEND(ints, i) + WEFT_SEND(ints, constant);'
fits "$both" 'i = WEFT_SEND(longs, i) + WEFT_SEND(longs, l) + WEFT_SEND(longs, 1);'
fits "$both" 'i = WEFT_SEND(pairs, pair) + WEFT_SEND(pairs, *pointer);'
fits "$both" 'i = WEFT_SEND(texts, "text") + WEFT_SEND(texts, text) + WEFT_SEND(texts, writable);'
fits "$both" 'i = WEFT_SEND(texts, NULL) + WEFT_SEND(pointers, pointer) + WEFT_SEND(pointers, &pair);'
fits "$both" 'i = WEFT_SEND(channels, ints) + WEFT_RECV(channels, &other) + WEFT_SEND(other, 1);'
fits "$both" 'i = WEFT_RECV(ints, &i) + WEFT_RECV(longs, &l);'
fits "$both" 'i = WEFT_RECV(pairs, pointer) + WEFT_RECV(pairs, &pair);'
fits "$both" 'i = WEFT_RECV(texts, &text) + WEFT_RECV(pointers, &pointer);'
fits "$both" 'i = WEFT_RECV(ints, NULL) + WEFT_RECV(pairs, NULL) + WEFT_RECV(texts, NULL);'
fits "$both" 'i = WEFT_SEND_UNTIL(ints, 1, WEFT_NEVER) + WEFT_SEND_CTX(ints, 1, ctx);'
fits "$both" 'i = WEFT_TRY_SEND(ints, 1);'
fits "$both" 'i = WEFT_RECV_UNTIL(ints, &i, 0) + WEFT_RECV_CTX(ints, &i, ctx) + WEFT_TRY_RECV(ints, &i);'
fits "$both" 'i = WEFT_RECV_CTX(ints, &i, NULL) + WEFT_SEND_CTX(ints, i, NULL);'
fits "$both" 'i = (int)WEFT_CHAN_LEN(ints) + (int)WEFT_CHAN_CAP(pairs);'
fits "$both" 'WEFT_CLOSE(texts); WEFT_CHAN_DESTROY(texts);'
fits "$both" 'other = WEFT_CHAN_CREATE(int, 0); other = WEFT_CHAN_CREATE_WITH(NULL, int, 3); other = NULL;'
fits "$both" 'untyped = ints; other = (WEFT_CHAN(int))untyped; if (other == ints && other != NULL) i = 1;'
fits "$both" 'weft_chan_t *c = WEFT_UNTYPED(pairs); i = weft_chan_recv(c, &pair);'
fits "$both" 'WEFT_RANGE (v, ints) i += v;'
fits "$both" 'WEFT_RANGE (p, pairs) { if (p.a == 0) break; i++; }'
fits "$both" 'WEFT_RANGE (a, ints) WEFT_RANGE (b, ints) if (a == b) i++;'
fits "$both" 'WEFT_CHAN(int) a[2] = { ints, other }; i = WEFT_SEND(a[i], 1) + WEFT_RECV(a[1], &i);'
fits "$both" 'struct { WEFT_CHAN(int) in; } s = { ints }; i = WEFT_RECV(s.in, &i);'
fits "$both" 'cases[0] = WEFT_ON_SEND(ints, &i); cases[1] = WEFT_ON_SEND(ints, &constant);'
fits "$both" 'cases[0] = WEFT_ON_RECV(ints, &i); cases[1] = WEFT_ON_RECV(ints, NULL);'
fits "$both" 'cases[0] = WEFT_ON_DONE(ctx); cases[1] = WEFT_ON_DONE(NULL);'
fits "$both" 'cases[0] = WEFT_ON_TIME(WEFT_NEVER); cases[1] = WEFT_ON_FD(0, WEFT_READABLE);'
fits "$both" 'cases[0] = WEFT_ON_RECV(texts, &text); cases[1] = WEFT_ON_SEND(texts, &text);'
fits "$both" 'cases[0] = WEFT_ON_RECV(channels, &other); cases[1] = WEFT_ON_SEND(channels, &ints);'
fits c 'i = WEFT_RECV(ints, untyped); cases[0] = WEFT_ON_RECV(ints, untyped);'
fits c 'cases[0] = WEFT_ON_SEND(ints, untyped);'
fits c 'WEFT_CHAN(int) c = untyped; i = WEFT_SEND(c, 1); i = WEFT_SEND(pairs, ((struct pair){ 1, 2.0 }));'

# What a select leaves in a variable that was not set before is known to be set.
fits "$both" 'int v; WEFT_SELECT { WEFT_CASE_RECV (ints, &v) i = v; }'
fits "$both" 'int v; cases[0] = WEFT_ON_RECV(ints, &v); if (weft_select(cases, 1) == 0) i = v;'
# An else in a case belongs to the if in the case.
fits "$both" 'WEFT_SELECT { WEFT_CASE_RECV (ints, &i) if (i > 0) i = 1; else i = 2; }'
fits "$both" 'WEFT_SELECT { WEFT_CASE_SEND (texts, &text) break; WEFT_CASE_DONE (ctx) return 1; }'
fits "$both" 'WEFT_SELECT { WEFT_CASE_FD (0, WEFT_READABLE) i = WEFT_SELECT_RESULT; }'
fits "$both" 'WEFT_SELECT { WEFT_CASE_TIME (WEFT_NEVER) i = 1; WEFT_CASE_DEFAULT i = 3; }'
fits "$both" 'for (;;) WEFT_SELECT { WEFT_CASE_RECV (pairs, &pair) { if (!WEFT_SELECT_RESULT) return 1; } }'
# One inside of another: the inner one's names hide the outer one's, which is what they are for.
shadow=
fits "$both" 'WEFT_SELECT { WEFT_CASE_DEFAULT { WEFT_SELECT { WEFT_CASE_RECV (ints, &i) i = 1; } } }'
fits "$both" 'i = WEFT_SEND(ints, WEFT_SEND(ints, 1));'
unset shadow

# ---- what does not ----

misfits "$both" 'i = WEFT_SEND(ints, text);'
misfits "$both" 'i = WEFT_SEND(ints, pair);'
misfits "$both" 'i = WEFT_SEND(ints, &i);'
misfits "$both" 'i = WEFT_SEND(pairs, 1);'
misfits "$both" 'i = WEFT_SEND(pairs, pointer);'
misfits "$both" 'i = WEFT_SEND(texts, 1);'
misfits "$both" 'i = WEFT_SEND(texts, i);'
misfits "$both" 'i = WEFT_SEND(texts, &pair);'
misfits "$both" 'i = WEFT_SEND(pointers, text);'
misfits "$both" 'i = WEFT_SEND(channels, longs);'
misfits "$both" 'i = WEFT_SEND_UNTIL(texts, i, 0);'
misfits "$both" 'i = WEFT_SEND_CTX(pairs, i, ctx);'
misfits "$both" 'i = WEFT_TRY_SEND(texts, i);'
misfits "$both" 'i = WEFT_SEND_UNTIL(ints, 1, ctx);'
misfits "$both" 'i = WEFT_SEND_CTX(ints, 1, WEFT_NEVER);'
misfits "$both" 'i = WEFT_RECV(ints, &l);'
misfits "$both" 'i = WEFT_RECV(ints, i);'
misfits "$both" 'i = WEFT_RECV(ints, &pair);'
misfits "$both" 'i = WEFT_RECV(ints, &constant);'
misfits "$both" 'i = WEFT_RECV(longs, &i);'
misfits "$both" 'i = WEFT_RECV(pairs, &pointer);'
misfits "$both" 'i = WEFT_RECV(texts, &writable);'
misfits "$both" 'i = WEFT_RECV(texts, text);'
misfits "$both" 'i = WEFT_RECV(channels, &longs);'
misfits "$both" 'i = WEFT_RECV_UNTIL(ints, &l, 0);'
misfits "$both" 'i = WEFT_RECV_CTX(ints, &l, ctx);'
misfits "$both" 'i = WEFT_TRY_RECV(ints, &l);'
misfits "$both" 'other = longs;'
misfits "$both" 'other = WEFT_CHAN_CREATE(long, 0);'
misfits "$both" 'other = WEFT_CHAN_CREATE_WITH(NULL, unsigned, 0);'
misfits "$both" 'if (ints == longs) i = 1;'
misfits "$both" 'WEFT_CHAN(unsigned) c = ints; i = WEFT_SEND(c, 1u);'
misfits "$both" 'weft_chan_t *c = ints; i = weft_chan_send(c, &i);'
misfits "$both" 'WEFT_CLOSE(i);'
misfits "$both" 'WEFT_CLOSE(&i);'
misfits "$both" 'i = WEFT_SEND(&i, 1);'
misfits "$both" 'weft_chan_t *c = NULL; WEFT_CLOSE(c);'
misfits "$both" 'WEFT_CHAN_DESTROY(ctx);'
misfits "$both" 'i = (int)WEFT_CHAN_LEN(text);'
misfits "$both" 'WEFT_RANGE (v, i) i++;'
misfits "$both" 'cases[0] = WEFT_ON_SEND(ints, &l);'
misfits "$both" 'cases[0] = WEFT_ON_SEND(ints, 1);'
misfits "$both" 'cases[0] = WEFT_ON_SEND(pairs, &i);'
misfits "$both" 'cases[0] = WEFT_ON_RECV(ints, &l);'
misfits "$both" 'cases[0] = WEFT_ON_RECV(ints, &constant);'
misfits "$both" 'cases[0] = WEFT_ON_RECV(ctx, &i);'
misfits "$both" 'cases[0] = WEFT_ON_DONE(ints);'
misfits "$both" 'WEFT_SELECT { WEFT_CASE_RECV (ints, &l) i = 1; }'
misfits "$both" 'WEFT_SELECT { WEFT_CASE_SEND (texts, &i) i = 1; }'

# ---- evaluated once ----

# The program brings its own functions: it needs no library, whatever the build was compiled with.
cat >"$work/once.c" <<'END'
#include <weft/chan.h>
#include <weft/context.h>
#include <weft/select.h>
#include <stdio.h>
static WEFT_CHAN(int) channel;
static int channels_asked, pointers_asked, values_asked, failed, place;
static WEFT_CHAN(int) get_channel(void) { channels_asked++; return channel; }
static int *get_pointer(void) { pointers_asked++; return &place; }
static int get_value(void) { values_asked++; return 7; }
static void check(const char *what, int channels, int pointers, int values)
{
	if (channels_asked != channels || pointers_asked != pointers || values_asked != values) {
		printf("%s: evaluated the channel %d times, the pointer %d, the value %d\n", what,
			channels_asked, pointers_asked, values_asked);
		failed = 1;
	}
	channels_asked = pointers_asked = values_asked = 0;
}
WEFT_EXTERN_C_BEGIN
int weft_chan_send(weft_chan_t *ch, const void *elem) { (void)ch; return *(const int *)elem - 7; }
int weft_chan_send_until(weft_chan_t *ch, const void *elem, weft_time_t t)
{ (void)ch; (void)t; return *(const int *)elem - 7; }
int weft_chan_send_ctx(weft_chan_t *ch, const void *elem, weft_context_t *t)
{ (void)ch; (void)t; return *(const int *)elem - 7; }
int weft_chan_try_send(weft_chan_t *ch, const void *elem) { (void)ch; return *(const int *)elem - 7; }
int weft_chan_recv(weft_chan_t *ch, void *elem) { (void)ch; (void)elem; return 0; }
int weft_chan_recv_until(weft_chan_t *ch, void *elem, weft_time_t t)
{ (void)ch; (void)elem; (void)t; return 0; }
int weft_chan_recv_ctx(weft_chan_t *ch, void *elem, weft_context_t *t)
{ (void)ch; (void)elem; (void)t; return 0; }
int weft_chan_try_recv(weft_chan_t *ch, void *elem) { (void)ch; (void)elem; return 0; }
void weft_chan_close(weft_chan_t *ch) { (void)ch; }
void weft_chan_destroy(weft_chan_t *ch) { (void)ch; }
size_t weft_chan_len(const weft_chan_t *ch) { (void)ch; return 0; }
size_t weft_chan_cap(const weft_chan_t *ch) { (void)ch; return 0; }
int weft__select_step(struct weft__select *s, const char *site)
{
	(void)site;
	s->n = 0;
	s->chosen = 0;
	return s->step++ < 2 && s->step > 0;
}
void weft__select_overflow(const char *site) { (void)site; }
WEFT_EXTERN_C_END
int main(void)
{
	weft_case_t c;
	int n = 0;

	if (WEFT_SEND(get_channel(), get_value()) != 0)
		failed = 1;
	check("WEFT_SEND", 1, 0, 1);
	if (WEFT_SEND_UNTIL(get_channel(), get_value(), get_value()) != 0)
		failed = 1;
	check("WEFT_SEND_UNTIL", 1, 0, 2);
	if (WEFT_SEND_CTX(get_channel(), get_value(), NULL) != 0)
		failed = 1;
	check("WEFT_SEND_CTX", 1, 0, 1);
	if (WEFT_TRY_SEND(get_channel(), get_value()) != 0)
		failed = 1;
	check("WEFT_TRY_SEND", 1, 0, 1);
	WEFT_RECV(get_channel(), get_pointer());
	check("WEFT_RECV", 1, 1, 0);
	WEFT_RECV_UNTIL(get_channel(), get_pointer(), get_value());
	check("WEFT_RECV_UNTIL", 1, 1, 1);
	WEFT_RECV_CTX(get_channel(), get_pointer(), NULL);
	check("WEFT_RECV_CTX", 1, 1, 0);
	WEFT_TRY_RECV(get_channel(), get_pointer());
	check("WEFT_TRY_RECV", 1, 1, 0);
	WEFT_CLOSE(get_channel());
	check("WEFT_CLOSE", 1, 0, 0);
	WEFT_CHAN_DESTROY(get_channel());
	check("WEFT_CHAN_DESTROY", 1, 0, 0);
	n += (int)WEFT_CHAN_LEN(get_channel());
	check("WEFT_CHAN_LEN", 1, 0, 0);
	n += (int)WEFT_CHAN_CAP(get_channel());
	check("WEFT_CHAN_CAP", 1, 0, 0);
	c = WEFT_ON_SEND(get_channel(), get_pointer());
	check("WEFT_ON_SEND", 1, 1, 0);
	c = WEFT_ON_RECV(get_channel(), get_pointer());
	check("WEFT_ON_RECV", 1, 1, 0);
	c = WEFT_ON_TIME(get_value());
	c = WEFT_ON_FD(get_value(), 1);
	check("WEFT_ON_TIME and WEFT_ON_FD", 0, 0, 2);
	(void)c;
	WEFT_SELECT {
		WEFT_CASE_SEND (get_channel(), get_pointer())
			n++;
		WEFT_CASE_RECV (get_channel(), get_pointer())
			n += 100;
		WEFT_CASE_TIME (get_value())
			n += 100;
	}
	check("WEFT_SELECT", 2, 2, 1);
	if (n != 1)
		failed = 1;
	return failed;
}
END

# once COMPILER...
once()
{
	if ! "$@" -I"$source/include" -o "$work/once" >"$work/log" 2>&1; then
		fail "$1: the program that counts evaluations does not compile"
		head -20 "$work/log"
	elif ! ${WEFT_RUN:-} "$work/once" >"$work/log" 2>&1; then
		fail "$1: arguments are evaluated more than once"
		cat "$work/log"
	fi
}

once $CC -std=c11 "$work/once.c"
[ -z "${CXX:-}" ] || once $CXX -std=c++17 -x c++ "$work/once.c"

echo "$right fits, $wrong misfits"
exit $failed
