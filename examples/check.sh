#!/bin/sh
# check.sh SOURCE PROGRAM - does an example do what its comment shows?
#
# The comment may show a session at the terminal:
#
#      *     $ sieve 10
#      *     2 3 5 7 11 13 17 19 23 29
#
# The commands run in an empty directory; what they print must be what follows them, and their exit status 0.
# An example without a session has its test in its exit status, when it runs without arguments.
# WEFT_RUN is the emulator that starts the program, if it needs one.
set -u
source=${1:?usage: check.sh SOURCE PROGRAM}
program=${2:?usage: check.sh SOURCE PROGRAM}
name=$(basename "$program")
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac

tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-example-XXXXXX") || exit 1
trap 'rm -rf -- "$tmp"' EXIT
mkdir "$tmp/here"

# The indented lines, from the first one that begins with a prompt to the end of the paragraph.
awk '
	/^ \*     \$ / { inside = 1 }
	!/^ \*     / || /^ \*\/ / { inside = 0 }
	inside { print substr($0, 8) }
' "$source" >"$tmp/want"

eval "$name() { \${WEFT_RUN:-} \"\$program\" \"\$@\"; }"
if [ ! -s "$tmp/want" ]; then
	"$name"
	exit
fi
cd "$tmp/here" || exit 1
while IFS= read -r line; do
	case $line in
	'$ '*)
		printf '%s\n' "$line"
		eval "${line#??}" </dev/null || echo "(exit status $?)"
		;;
	esac
done <"$tmp/want" >"$tmp/got"
if ! cmp -s "$tmp/want" "$tmp/got"; then
	echo "$source promises (<), $name does (>):"
	diff "$tmp/want" "$tmp/got"
	exit 1
fi
cat "$tmp/got"
