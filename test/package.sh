#!/bin/sh
# weft-test: timeout=600
# What a user does with weft: installs it, then builds and runs a program against it by pkg-config (shared and
# static), find_package, add_subdirectory and FetchContent; and the example of README.md, which must print
# what README.md says.
set -u
build=${1:?usage: package.sh BUILD_DIR SOURCE_DIR}
source=${2:?usage: package.sh BUILD_DIR SOURCE_DIR}
CC=${CC:-cc}
CMAKE=${CMAKE:-cmake}
if [ -n "${WEFT_CROSS:-}" ] || [ -n "${WEFT_SANITIZE:-}" ]; then
	echo "the programs of outside projects are tested with plain native builds"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
expected='weft: sum of squares 338350'

fail()
{
	echo "FAIL: $*"
	failed=1
}

# quietly COMMAND...: the output only when it fails.
quietly()
{
	"$@" >"$work/log" 2>&1 && return 0
	tail -40 "$work/log"
	return 1
}

# runs WHAT PROGRAM: it must print what main.c prints.
runs()
{
	if output=$("$2" 2>&1) && [ "$output" = "$expected" ]; then
		echo "ok: $1"
	else
		fail "$1 prints: $output"
	fi
}

# configure_and_build PROJECT [CMAKE OPTION...]
configure_and_build()
{
	project=$1
	shift
	quietly "$CMAKE" -S "$source/test/package/$project" -B "$work/$project" "$@" &&
		quietly "$CMAKE" --build "$work/$project" --parallel 2
}

# links PROGRAM FLAG...: compiles main.c with the flags.
links()
{
	quietly $CC "$source/test/package/main.c" -o "$@"
}

# links_shared PROGRAM: whether it loads libweft.so when it starts.
links_shared()
{
	readelf -d "$1" | grep -q 'NEEDED.*\[libweft\.so\.0\]'
}

# A staged install is all under DESTDIR, and what it says of itself is without it.
if ! quietly env DESTDIR="$work/stage" "$CMAKE" --install "$build" --prefix /opt/staged; then
	fail "install with DESTDIR"
elif [ "$(ls "$work/stage")" != opt ] || [ -e /opt/staged ]; then
	fail "the install with DESTDIR left it"
elif grep -rIlF -e "$work" -e "$build" -e "$source" "$work/stage"; then
	fail "installed text files (above) name a directory of the build"
else
	echo "ok: install with DESTDIR"
fi
pc=$(find "$work/stage" -name weft.pc)
grep -q '^prefix=/opt/staged$' "$pc" || fail "weft.pc does not have the prefix of the install"

prefix=$work/prefix
quietly "$CMAKE" --install "$build" --prefix "$prefix" || { fail "install"; exit 1; }
pc=$(find "$prefix" -name weft.pc)
libdir=${pc%/pkgconfig/weft.pc}
shared=
[ -f "$libdir/libweft.so" ] && shared=yes

# By pkg-config; without it, weft.pc is read as pkg-config would read it.
if command -v pkg-config >/dev/null; then
	PKG_CONFIG_PATH=$libdir/pkgconfig
	export PKG_CONFIG_PATH
	flags=$(pkg-config --cflags --libs weft) || fail "pkg-config --cflags --libs weft"
	private=$(pkg-config --static --libs weft) || fail "pkg-config --static --libs weft"
	version=$(sed -n 's/^#define WEFT_VERSION_[A-Z]* //p' "$source/include/weft/base.h" | paste -sd.)
	quietly pkg-config --exact-version="$version" weft || fail "the version in weft.pc"
else
	echo "no pkg-config: weft.pc is read by this script"
	field()
	{
		sed -n "s/^$1: *//p" "$pc" | sed "s|\${libdir}|$libdir|;s|\${includedir}|$prefix/include|"
	}
	flags="$(field Cflags) $(field Libs)"
	private="$(field Libs) $(field Libs.private)"
fi
cflags=$(printf '%s\n' $flags | grep '^-I')

if [ -n "$shared" ]; then
	if links "$work/shared" $flags; then
		links_shared "$work/shared" || fail "pkg-config, shared: does not load libweft.so.0"
		LD_LIBRARY_PATH=$libdir runs "pkg-config, shared" "$work/shared"
	else
		fail "pkg-config, shared: does not build"
	fi
fi
# How one links a library statically beside a shared libc: its archive, and what it needs itself.
static=$(printf '%s\n' $private | sed 's/^-lweft$/-l:libweft.a/')
if links "$work/static" $cflags ${LDFLAGS:-} $static; then
	links_shared "$work/static" && fail "a program linked with libweft.a wants libweft.so"
	runs "pkg-config, static" "$work/static"
else
	fail "pkg-config, static: does not build"
fi

if configure_and_build installed -DCMAKE_PREFIX_PATH="$prefix"; then
	if [ -n "$shared" ]; then
		links_shared "$work/installed/shared" || fail "weft::weft is not libweft.so"
	fi
	links_shared "$work/installed/static" && fail "weft::weft_static is libweft.so"
	runs "find_package, weft::weft" "$work/installed/shared"
	runs "find_package, weft::weft_static" "$work/installed/static"
else
	fail "find_package: does not build"
fi
if configure_and_build subdirectory -DWEFT_SOURCE_DIR="$source"; then
	runs "add_subdirectory, weft::weft" "$work/subdirectory/shared"
	runs "add_subdirectory, weft::weft_static" "$work/subdirectory/static"
else
	fail "add_subdirectory: does not build"
fi
if configure_and_build fetch -DFETCHCONTENT_SOURCE_DIR_WEFT="$source" \
	-DFETCHCONTENT_FULLY_DISCONNECTED=ON; then
	runs "FetchContent" "$work/fetch/outside"
else
	fail "FetchContent: does not build"
fi

# README.md: the first C block that begins with weft.h, and the text block after it.
awk -v program="$work/readme.c" -v output="$work/readme.expected" '
	/^```/ && to != "" {
		done[to] = 1
		to = ""
		next
	}
	$0 == "```c" && !done[program] {
		if ((getline) > 0 && $0 == "#include <weft/weft.h>")
			to = program
	}
	$0 == "```text" && done[program] && !done[output] {
		to = output
		printf "" >to
		next
	}
	to != "" { print >to }
' "$source/README.md"
if [ ! -f "$work/readme.c" ] || [ ! -f "$work/readme.expected" ]; then
	fail "README.md has no C block that begins with weft.h and is followed by a text block"
elif ! quietly $CC -std=c11 -Wall -Wextra -Werror "$work/readme.c" -o "$work/readme" \
	$cflags ${LDFLAGS:-} $static; then
	fail "the example of README.md does not build"
else
	"$work/readme" >"$work/readme.printed"
	status=$?
	if [ $status -ne 0 ]; then
		fail "the example of README.md ends with status $status"
	elif ! diff "$work/readme.expected" "$work/readme.printed"; then
		fail "the example of README.md prints something else (>) than README.md says (<)"
	else
		echo "ok: the example of README.md"
	fi
fi
exit $failed
