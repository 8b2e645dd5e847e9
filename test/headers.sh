#!/bin/sh
# Each public header compiles alone, in C11 and, where there is a C++ compiler, in C++17; so do the macros for
# typed tasks. No header uses _Atomic, which C++ does not have.
set -u
source=${2:?usage: headers.sh BUILD_DIR SOURCE_DIR}
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail()
{
	echo "FAIL: $*"
	failed=1
}

# try NAME FILE COMPILER...
try()
{
	what=$1
	file=$2
	shift 2
	if ! "$@" -I"$source/include" -pedantic -Werror -Wall -Wextra -Wshadow -c "$file" -o "$work/out.o" \
		>"$work/log" 2>&1; then
		fail "$what"
		head -30 "$work/log"
	fi
}

cat >"$work/macros.body" <<'END'
WEFT_TASK(none)
{
}

WEFT_TASK(one, int, a)
{
	(void)a;
}

WEFT_TASK(six, int, a, const char *, b, double, c, unsigned char, d, void *, e, long long, f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
}

static void plain(void *arg)
{
	weft_waitgroup_t *group = (weft_waitgroup_t *)arg;
	weft_timer_t timer = WEFT_TIMER_INIT;
	weft_go_options_t options;

	options.size = sizeof(options);
	if (weft_timer_after(&timer, WEFT_MS(1), plain, arg) < 0 || WEFT_GO(none) < 0 ||
		WEFT_GO(one, 1) < 0 || WEFT_GO(six, 1, "b", 0.5, 'd', arg, 6) < 0 ||
		weft_go(plain, arg) < 0 || weft_go_with(&options, plain, arg) < 0 ||
		weft_waitgroup_go(group, plain, arg) < 0)
		weft_panic("%s: %s", WEFT_HERE, weft_strerror(-1));
}

int main(void)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;

	return weft_run(plain, &group);
}
END
{ echo '#include <weft/weft.h>'; cat "$work/macros.body"; } >"$work/macros.c"
cp "$work/macros.c" "$work/macros.cc"

count=0
for header in "$source"/include/weft/*.h; do
	name=weft/${header##*/}
	count=$((count + 1))
	echo "#include <$name>" | tee "$work/alone.c" >"$work/alone.cc"
	# A second inclusion must do no harm, and a translation unit must hold something.
	{
		echo "#include <$name>"
		echo "extern int weft_alone;"
	} | tee -a "$work/alone.c" >>"$work/alone.cc"
	try "$name in C11" "$work/alone.c" $CC -std=c11
	if [ -n "${CXX:-}" ]; then
		try "$name in C++17" "$work/alone.cc" $CXX -std=c++17
	fi
	if grep -n '_Atomic' "$header"; then
		fail "$name uses _Atomic"
	fi
	if [ "$name" != weft/weft.h ] && ! grep -q "^#include <$name>" "$source/include/weft/weft.h"; then
		fail "weft/weft.h does not include $name"
	fi
done
[ "$count" -gt 0 ] || fail "no header in $source/include/weft"

try "the macros in C11" "$work/macros.c" $CC -std=c11
if [ -n "${CXX:-}" ]; then
	try "the macros in C++17" "$work/macros.cc" $CXX -std=c++17
	echo "$count headers, in C11 and C++17"
else
	echo "$count headers, in C11; no C++ compiler, C++17 was not tried"
fi

# A wrong type or count in a typed start must not compile.
for wrong in 'WEFT_GO(one, "text")' 'WEFT_GO(one, 1, 2)' 'WEFT_GO(one)'; do
	sed "s/WEFT_GO(one, 1)/$wrong/" "$work/macros.c" >"$work/wrong.c"
	if $CC -std=c11 -I"$source/include" -Werror -c "$work/wrong.c" -o "$work/out.o" \
		>"$work/log" 2>&1; then
		fail "$wrong compiles, although one takes an int"
	fi
done
exit $failed
