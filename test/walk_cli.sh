#!/bin/sh
# weft-test: timeout=300
#
# walk_cli.sh - `weft walk` on the command line: the same entries as find's, exact counts, forms of output,
# messages and exit statuses.
set -u
[ -n "${WEFT_BIN:-}" ] || { echo "no command built"; exit 77; }
command -v find >/dev/null || { echo "no find to compare with"; exit 77; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-walk-cli-XXXXXX") || exit 1
trap 'chmod -R u+rwx "$tmp" 2>/dev/null; rm -rf -- "$tmp"' EXIT
chmod 755 "$tmp"
cd "$tmp" || exit 1
export LC_ALL=C

fail() {
	echo "FAILED: $*" >&2
	exit 1
}
weft() {
	${WEFT_RUN:-} "$WEFT_BIN" "$@"
}
# status TEXT EXPECTED COMMAND...: runs it; its output is in out and err.
status() {
	want=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got -eq "$want" ] || fail "exit status $got, not $want: $* ($(cat "$tmp/err"))"
}
says() {
	grep -qF -- "$1" "$tmp/err" || fail "stderr without '$1': $(cat "$tmp/err")"
}
silent() {
	[ ! -s "$tmp/err" ] || fail "stderr: $(cat "$tmp/err")"
}

# ---- a tree of every kind of name ----
nl=$(printf '\nx')
nl=${nl%x}
mkdir tree
for name in -a -- -rf ' ' 'a b' "x${nl}y" "it's" 'say "hi"' 'back\slash' '$(x)' '*' .hidden ... \
	"$(printf '\377\200')" "$(printf 'caf\303\251')" "$(printf '\001\033[31m')"; do
	mkdir "tree/$name"
	echo "$name" >"tree/$name/file"
	: >"tree/$name/$name"
	mkdir "tree/$name/empty"
	ln -s ../.. "tree/$name/loop"
done
ln -s missing tree/dangling
mkfifo tree/fifo
i=0
while [ $i -lt 300 ]; do
	mkdir "tree/d$i"
	: >"tree/d$i/f"
	i=$((i + 1))
done

# ---- the same as find ----
same() { # ROOT...
	find "$@" -print0 | sort -z >"$tmp/want"
	for workers in 1 2 3 8; do
		weft walk -0 --workers $workers "$@" 2>"$tmp/err" | sort -z >"$tmp/got"
		cmp -s "$tmp/want" "$tmp/got" || fail "entries differ from find's: $workers workers, $*"
		[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
	done
	weft walk -0 "$@" | sort -z | cmp -s "$tmp/want" - || fail "entries differ from find's: default, $*"
}
same tree
same tree/
same ./tree//
same tree/-a tree/d1 tree/dangling tree/fifo
same tree/-a/loop/
same tree/-a/loop
(cd tree/-a && same .. .) || exit 1
(cd tree && weft walk -0 | sort -z >../got && find . -print0 | sort -z >../want)
cmp -s want got || fail "without DIR"
weft walk --print tree/d1 >out
cmp -s - out <<'EOF' || fail "--print"
tree/d1
tree/d1/f
EOF
(cd tree && weft walk --print -- -a) | sort >out
cmp -s - out <<'EOF' || fail "-- ends the options"
-a
-a/-a
-a/empty
-a/file
-a/loop
EOF

# ---- counts ----
count() { # KIND TYPE
	want=$(find tree -type "$2" -printf x | wc -c)
	printf '%s' "$text" | grep -Eq "(^| )$want $1(s|ies)?, " || fail "not $want $1: $text"
}
find tree -printf '' 2>/dev/null || { echo "this find has no -printf"; exit 77; }
bytes=$(find tree -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
for workers in 1 4; do
	status 0 weft walk --workers $workers tree
	silent
	text=$(cat out)
	count director d
	count file f
	count link l
	count other p
	case $text in
	*"($bytes bytes), 0 errors, "*" s, $workers worker"*) ;;
	*) [ "$bytes" -lt 1000 ] || fail "not $bytes bytes: $text" ;;
	esac
	[ "$(wc -l <out)" -eq 1 ] || fail "more than one line: $text"
done
status 0 weft walk --print --summary tree
says " 0 errors, "
status 0 weft walk --print tree
silent

# ---- the first N ----
all=$(find tree -print0 | tr -dc '\0' | wc -c)
for n in 1 2 7 300 $((all - 1)) "$all" $((all + 1)) 99999999; do
	[ "$n" -lt "$all" ] && want=$n || want=$all
	for workers in 1 2 5; do
		got=$(weft walk -0 --first "$n" --workers $workers tree | tr -dc '\0' | wc -c)
		[ "$got" -eq "$want" ] || fail "--first $n with $workers workers: $got"
	done
done
i=0
while [ $i -lt 30 ]; do
	got=$(weft walk -0 --first 500 --workers 4 tree | tr -dc '\0' | wc -c)
	[ "$got" -eq 500 ] || fail "--first 500: $got"
	i=$((i + 1))
done
weft walk --first 3 --workers 1 tree | grep -q "^2 directories, 1 file, 0 links, 0 others, " ||
	fail "--first does not count: $(weft walk --first 3 --workers 1 tree)"

# ---- JSON ----
mkdir json
printf 12345 >"json/$(printf 'a"\\\n\t\303\251\377\355\240\200z')"
ln -s x json/l
mkfifo json/p
weft walk --json --workers 1 json >out || fail "--json"
cat >want <<'EOF'
{"path":"json","type":"directory"}
{"path":"json/a\"\\\u000a\u0009é\udcff\udced\udca0\udc80z","type":"file","size":5}
{"path":"json/l","type":"link"}
{"path":"json/p","type":"fifo"}
EOF
cmp -s want out || fail "JSON: $(cat out)"

# ---- errors ----
status 1 weft walk --print missing tree/d1
says "weft walk: cannot examine 'missing': No such file or directory"
[ "$(wc -l <out)" -eq 2 ] || fail "does not go on after an error"
status 1 weft walk "mis${nl}sing$(printf '\033\377\302\233')'"
says "cannot examine 'mis\\nsing\\033\\377\\302\\233\\'': No such file"
grep -q "^0 directories, .* 1 error, " out || fail "error not counted: $(cat out)"
status 1 weft walk tree/d1/f/
says "Not a directory"

mkdir locked && mkdir locked/in && : >locked/z
chmod 0 locked/in
if [ "$(id -u)" -ne 0 ]; then
	unprivileged() { "$@"; }
elif command -v setpriv >/dev/null; then
	unprivileged() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
fi
if command -v unprivileged >/dev/null && unprivileged test -x "$WEFT_BIN" &&
	! unprivileged ls locked/in >/dev/null 2>&1; then
	for workers in 1 2; do
		status 1 unprivileged ${WEFT_RUN:-} "$WEFT_BIN" walk --print --workers $workers locked
		says "weft walk: cannot open directory 'locked/in': Permission denied"
		sort out >got
		cmp -s - got <<-'EOF' || fail "unreadable directory: $(cat out)"
			locked
			locked/in
			locked/z
		EOF
	done
else
	echo "unreadable directories: not tested, permissions do not bind here"
fi
chmod 700 locked/in

# ---- output that cannot be written ----
for form in '' --print -0 --json; do
	for workers in 1 2; do
		# shellcheck disable=SC2086 # form is no word or one
		weft walk $form --workers $workers tree >&- 2>err
		[ $? -eq 1 ] || fail "stdout closed, $form: status"
		says "weft walk: cannot write: Bad file descriptor"
		[ -w /dev/full ] || continue
		# shellcheck disable=SC2086
		weft walk $form --workers $workers tree >/dev/full 2>err
		[ $? -eq 1 ] || fail "/dev/full, $form: status"
		says "weft walk: cannot write: No space left on device"
	done
done
weft walk --help >&- 2>err
[ $? -eq 1 ] || fail "--help to nowhere"
weft walk tree/d1 2>&- >out || fail "without stderr"
weft walk tree/d1 <&- >out 2>err || fail "without stdin"
weft walk missing 2>&- >out
[ $? -eq 1 ] || fail "an error without stderr"

# ---- the command line ----
for args in --nonsense -x --workers --workers=0 --workers=-1 --workers=x --workers=1x --workers=1025 \
	--workers= --workers=99999999999999999999 --first --first=0 --first=-1 --first=99999999999999999999 \
	--print=1 --progress=maybe '--json -0' '--json --print' 'tree --nonsense'; do
	# shellcheck disable=SC2086 # words
	status 2 weft walk $args
	says "Try 'weft walk --help'."
	[ ! -s out ] || fail "output with $args"
done
status 2 weft
status 2 weft nonsense
says "unknown command 'nonsense'"
says "Try 'weft --help'."
status 2 weft --nonsense
status 2 weft version x
for args in help --help 'help walk' 'walk --help' 'walk tree -h' version --version; do
	# shellcheck disable=SC2086
	status 0 weft $args
	silent
	[ -s out ] || fail "no output: $args"
done
weft version | grep -Eq '^weft [0-9]+\.[0-9]+\.[0-9]+$' || fail "version: $(weft version)"
status 0 weft walk tree/d1 --print --workers 1 tree/d2
[ "$(head -n 1 out)" = tree/d1 ] && [ "$(tail -n 1 out)" = tree/d2/f ] || fail "options between DIRs"

# ---- serial order ----
find tree -print0 | sort -z -t / -k 1,1 -k 2,2 -k 3,3 -k 4,4 >want
weft walk -0 --workers 1 tree >got
cmp -s want got || fail "serial order"
echo fine
