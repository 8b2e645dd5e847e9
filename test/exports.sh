#!/bin/sh
# The libraries define no name that is not weft's, and libweft.so exports exactly what the headers declare:
# the public names and those that public macros call, all under the version of the map.
set -u
build=${1:?usage: exports.sh BUILD_DIR SOURCE_DIR}
source=${2:?usage: exports.sh BUILD_DIR SOURCE_DIR}
NM=${NM:-nm}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# wrong TITLE FILE: the file lists what is wrong and must be empty.
wrong()
{
	if [ -s "$2" ]; then
		echo "FAIL: $1:"
		sed 's/^/	/' "$2"
		failed=1
	fi
}

archive=$build/libweft.a
[ -f "$archive" ] || { echo "FAIL: no $archive"; exit 1; }
# Global symbols have upper-case letters; U is undefined. Compilers' own (__asan_, __odr_) begin with two
# underscores, which no name of weft does.
"$NM" -g "$archive" 2>/dev/null | awk 'NF == 3 && $2 ~ /^[A-TV-Zuvw]$/ { print $3 }' |
	grep -v '^__' | sort -u >"$work/defined"
if [ ! -s "$work/defined" ]; then
	echo "FAIL: $NM finds no symbol in $archive"
	exit 1
fi
grep -v '^weft_' "$work/defined" >"$work/foreign"
wrong "names in libweft.a without the prefix" "$work/foreign"

library=$build/libweft.so
if [ ! -f "$library" ]; then
	echo "no libweft.so in this build: only libweft.a was checked"
	exit $failed
fi
"$NM" -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort -u >"$work/versioned"
grep -v '@@WEFT_0\.1$' "$work/versioned" >"$work/unversioned"
wrong "exported without the version WEFT_0.1" "$work/unversioned"
sed 's/@.*//' "$work/versioned" | sort -u >"$work/exported"

# Declared: the name before the first parenthesis of each WEFT_API declaration.
for header in "$source"/include/weft/*.h; do
	awk '/^WEFT_API / {
		sub(/[[(;].*/, "")
		sub(/.*[ *]/, "")
		print
	}' "$header"
done | sort -u >"$work/declared"

comm -23 "$work/exported" "$work/declared" >"$work/undeclared"
wrong "exported, but declared WEFT_API in no public header" "$work/undeclared"
comm -13 "$work/exported" "$work/declared" >"$work/missing"
wrong "declared WEFT_API in a public header, but not exported" "$work/missing"

sed -n 's/^[ 	]*\(weft__[a-z_]*\);.*/\1/p' "$source/src/weft.map" | sort -u >"$work/map"
grep '^weft__' "$work/exported" >"$work/internal"
comm -3 "$work/internal" "$work/map" >"$work/difference"
wrong "weft__ names that only the library or only src/weft.map has" "$work/difference"

echo "$(wc -l <"$work/exported") names exported, $(wc -l <"$work/defined") defined"
exit $failed
