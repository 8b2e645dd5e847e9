#!/bin/sh
# The rules of the house that a machine can check:
#   - layers: a file of src/ includes headers of its own layer and of lower ones; cli/ and examples/ know the
#     public headers only
#   - names: macros and tags of public headers carry the prefix
#   - public functions are documented
#   - text: no line beyond 110 columns, no file beyond 700 lines, no blanks at line ends, nothing left to do
# Each finding is a line FILE:LINE: TEXT. Needs sh and awk.
set -u
source=${2:?usage: tidy.sh BUILD_DIR SOURCE_DIR}
cd "$source" || exit 1
LC_ALL=C
export LC_ALL

files=$(find include src cli test examples -type f \( -name '*.[chS]' -o -name '*.sh' \) | sort)
code=$(find include src cli examples -type f -name '*.[chS]' | sort)
[ -n "$code" ] || { echo "no sources in $source"; exit 1; }

findings=$(
	echo "$files" | while IFS= read -r file; do
		awk '
			function found(text) { print FILENAME ":" FNR ": " text }
			{
				line = $0
				while ((at = index(line, "\t")) > 0) {
					blanks = substr("        ", 1, 8 - (at - 1) % 8)
					line = substr(line, 1, at - 1) blanks substr(line, at + 1)
				}
				gsub(/[\200-\277]/, "", line)
				if (length(line) > 110)
					found("longer than 110 columns")
				if ($0 ~ /[ \t\r]$/)
					found("blank at the end of the line")
				if ($0 ~ /(^|[^A-Za-z])([T]ODO|[F]IXME|[X]XX)([^A-Za-z]|$)/)
					found("work left over")
			}
			END {
				if (NR > 700)
					found("longer than 700 lines")
			}
		' "$file"
	done

	# The list of files tells which of the places that a compiler searches holds an included header.
	echo "$code" | awk '
		function found(text) { print file ":" number ": " text }
		function check(name, quoted,    dir, path, from, to) {
			if (!quoted) {
				sub(/\/.*/, "", name)
				if (name in rank)
					found("internal headers are included in quotes")
				return
			}
			dir = file
			sub(/[^\/]*$/, "", dir)
			path = dir name
			if (!(path in known) && file ~ /^src\//)
				path = "src/" name
			if (name ~ /\.\./)
				found("includes by way of ..")
			else if (file ~ /^include\//)
				found("public headers include each other as <weft/...>")
			else if (file !~ /^src\// && substr(path, 1, length(top)) != top)
				found("includes what is not its own: " name)
			else if (!(path in known))
				found("includes an unknown header: " name)
			else if (file ~ /^src\//) {
				split(file, from, "/")
				split(path, to, "/")
				if (!(from[2] in rank) || !(to[2] in rank))
					found("is in no layer, or includes a file of none: " name)
				else if (rank[to[2]] > rank[from[2]])
					found(from[2] " is below " to[2] ", and may not include " name)
			}
		}
		BEGIN {
			count = split("base arch os sched fail sync chan mem io walk check", layers, " ")
			for (i = 1; i <= count; i++)
				rank[layers[i]] = i
		}
		{ known[$0] = 1; list[NR] = $0 }
		END {
			for (n = 1; n <= NR; n++) {
				file = list[n]
				top = file
				sub(/\/.*/, "/", top)
				number = 0
				while ((getline text < file) > 0) {
					number++
					if (text !~ /^[ \t]*#[ \t]*include[ \t]*["<]/)
						continue
					name = text
					sub(/^[^"<]*["<]/, "", name)
					sub(/[">].*/, "", name)
					check(name, text ~ /include[ \t]*"/)
				}
				close(file)
			}
		}
	'

	# A paragraph is what stands between blank lines; one comment in it documents all that it declares.
	find include -name '*.h' | sort | while IFS= read -r file; do
		awk '
			function found(text) { print FILENAME ":" FNR ": " text }
			/^$/ { documented = 0 }
			/^[ \t]*(\/\*| \*)/ { documented = 1 }
			/^WEFT_API / {
				name = $0
				sub(/[[(;].*/, "", name)
				sub(/.*[ *]/, "", name)
				if (name !~ /^weft_/)
					found(name " lacks the prefix weft_")
				else if (name !~ /^weft__/ && !documented)
					found(name " is not documented")
			}
			/^[ \t]*#[ \t]*define[ \t]/ {
				name = $0
				sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)
				sub(/[^A-Za-z0-9_].*/, "", name)
				if (name !~ /^(WEFT_|weft_)/)
					found("the macro " name " lacks the prefix WEFT_")
			}
			/^(typedef )?(struct|union|enum) [A-Za-z]/ {
				name = $0
				sub(/^(typedef )?(struct|union|enum) /, "", name)
				sub(/[^A-Za-z0-9_].*/, "", name)
				if (name !~ /^weft_/)
					found("the tag " name " lacks the prefix weft_")
			}
		' "$file"
	done
)

if [ -n "$findings" ]; then
	echo "$findings"
	exit 1
fi
echo "$(echo "$files" | wc -l) files are tidy"
