# report.awk - the results as one self-contained page: a bar chart a bench, the targets, the figures.
# Needs results.awk. Bars start at zero; the whisker goes from the least to the greatest run.
END {
	order_peers()
	head()
	for (b = 1; b <= bench_count; b++)
		chart(benches[b])
	targets()
	figures()
	print "</main>\n</body>\n</html>"
}

function escape(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	return text
}

# Colours go by peer: weft has the first, the others in order of their first appearance.
function order_peers(    p, next_colour) {
	next_colour = 1
	for (p = 1; p <= peer_count; p++)
		colour[peers[p]] = peers[p] == "weft" ? 0 : next_colour++ % 7
}

function head(    i) {
	print "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
	print "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	print "<title>weft: benchmarks</title>\n<style>"
	print ":root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --dim: #5b6570; --line: #d5dae0;"
	print "\t--good: #18794e; --bad: #c62a2f; --c0: #0b7285; --c1: #8a98a8; --c2: #b3bcc6; --c3: #c9a26b;"
	print "\t--c4: #a58bc4; --c5: #87ad73; --c6: #c98a92; }"
	print "@media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e3e7eb; --dim: #9aa5b1;"
	print "\t--line: #343b43; --good: #4cc38a; --bad: #ff6b6b; --c0: #22b8cf; --c1: #76838f; --c2: #545f6a;"
	print "\t--c3: #94764a; --c4: #77629a; --c5: #5f8050; --c6: #96606a; } }"
	print "body { margin: 0; background: var(--back); color: var(--text);"
	print "\tfont: 15px/1.5 system-ui, sans-serif; }"
	print "main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }"
	print "h1 { font-size: 1.5rem; margin: 0 0 .75rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 0; }"
	print "p { margin: 0 0 .5rem; color: var(--dim); } svg { display: block; width: 100%; height: auto; }"
	print "dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1rem; }"
	print "dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }"
	print "text { font: 13px system-ui, sans-serif; fill: var(--text); }"
	print ".dim { fill: var(--dim); } .config { font-weight: 600; } .weft { font-weight: 700; }"
	print ".whisker, .axis { stroke: var(--text); stroke-width: 1.2; fill: none; }"
	print ".axis { stroke: var(--line); } .cut { stroke: var(--back); stroke-width: 3; fill: none; }"
	for (i = 0; i < 7; i++)
		printf ".c%d { fill: var(--c%d); }%s", i, i, i < 6 ? " " : "\n"
	print ".scroll { overflow-x: auto; }"
	print "table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: .5rem; }"
	print "th, td { padding: .15rem .9rem .15rem 0; text-align: left; white-space: nowrap;"
	print "\tborder-bottom: 1px solid var(--line); } td.n, th.n { text-align: right; }"
	print ".met { color: var(--good); } .missed { color: var(--bad); font-weight: 700; }"
	print "</style>\n</head>\n<body>\n<main>\n<h1>weft: benchmarks</h1>\n<dl>"
	for (i = 1; i <= meta_count; i++)
		printf "<dt>%s</dt><dd>%s</dd>\n", escape(meta_key[i]), escape(meta_value[i])
	print "</dl>"
	print "<p>A bar is the median, its whisker goes from the least to the greatest run. All peers of a group"
	print "ran in turn in one session; groups have scales of their own. A bar with a gap is longer than the"
	print "scale. A ratio is weft's median over the peer's.</p>"
}

# The greatest value that the scale of a group has to hold. Threads may be a hundred times off the rest:
# they do not stretch it when there is anything else.
function scale(bench, config, list, n,    i, most, rest) {
	for (i = 1; i <= n; i++) {
		if (high[bench, config, list[i]] + 0 > most)
			most = high[bench, config, list[i]] + 0
		if (list[i] != "pthread" && high[bench, config, list[i]] + 0 > rest)
			rest = high[bench, config, list[i]] + 0
	}
	if (rest > 0 && most > 1.5 * rest)
		return rest
	return most > 0 ? most : 1
}

function chart(bench,    c, config, i, n, list, top, y, height, body, better) {
	y = 0
	body = ""
	for (c = 1; c <= config_count[bench]; c++) {
		config = configs[bench, c]
		n = split(substr(row_peers[bench, config], 2), list, " ")
		top = scale(bench, config, list, n)
		body = body sprintf("<text class=\"config\" x=\"0\" y=\"%d\">%s</text>\n", y + 20, escape(config))
		y += 28
		body = body sprintf("<path class=\"axis\" d=\"M79.5 %dV%d\"/>\n", y - 2, y + 22 * n)
		for (i = 1; i <= n; i++) {
			body = body bar(bench, config, list[i], top, y)
			y += 22
		}
		y += 8
	}
	better = bench in wants_more ? "more is better" : "less is better"
	printf "<h2>%s</h2>\n<p>%s (%s; %s)</p>\n", escape(bench), escape(says[bench]), escape(unit[bench]), better
	printf "<svg viewBox=\"0 0 760 %d\" role=\"img\" aria-label=\"%s\">\n%s</svg>\n", y, escape(bench), body
}

function bar(bench, config, peer, top, y,    x, width, from, to, text, out, r, room, middle) {
	x = 80
	room = 440
	middle = y + 9
	width = room * value[bench, config, peer] / top
	if (width > room)
		width = room + 20
	text = figure(value[bench, config, peer]) " " unit[bench]
	out = sprintf("<g><title>%s, %s: median %s, %s to %s %s</title>\n", escape(peer), escape(config),
		figure(value[bench, config, peer]), figure(low[bench, config, peer]),
		figure(high[bench, config, peer]), escape(unit[bench]))
	out = out sprintf("<text class=\"%s\" x=\"72\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
		peer == "weft" ? "weft" : "dim", y + 13, escape(peer))
	out = out sprintf("<rect class=\"c%d\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"16\"/>\n", colour[peer], x,
		y + 1, width < 1 ? 1 : width)
	if (width > room) {
		out = out sprintf("<path class=\"cut\" d=\"M%d %dl6 -20\"/>\n", x + room - 12, y + 19)
		to = x + width
	} else {
		from = x + room * low[bench, config, peer] / top
		to = x + room * high[bench, config, peer] / top
		if (to > x + room + 20)
			to = x + room + 20
		out = out sprintf("<path class=\"whisker\" d=\"M%.1f %dH%.1fM%.1f %dv8M%.1f %dv8\"/>\n", from, middle, to,
			from, middle - 4, to, middle - 4)
	}
	out = out sprintf("<text class=\"%s\" x=\"%.1f\" y=\"%d\">%s", peer == "weft" ? "weft" : "", to + 8, y + 13,
		escape(text))
	r = peer == "weft" ? "" : ratio(bench, config, peer)
	if (r != "")
		out = out sprintf("<tspan class=\"dim\" dx=\"10\">weft/%s %s</tspan>", escape(peer),
			figure(r))
	return out "</text></g>\n"
}

function targets(    t, tested, printed) {
	for (t = 1; t <= target_count; t++) {
		tested = target_value(t)
		if (tested == "")
			continue
		if (!printed++) {
			print "<h2>Targets</h2>\n<div class=\"scroll\"><table>"
			print "<tr><th>bench</th><th>config</th><th>against</th><th class=\"n\">must</th>" \
				"<th class=\"n\">is</th><th></th></tr>"
		}
		printf "<tr><td>%s</td><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%.3f</td>",
			escape(target_bench[t]), escape(target_config[t]), escape(target_against[t]),
			escape(target_bound[t]), tested
		printf "<td class=\"%s\">%s</td></tr>\n", target_met(t, tested) ? "met" : "missed",
			target_met(t, tested) ? "met" : "missed"
	}
	if (printed)
		print "</table></div>"
}

function figures(    b, c, i, n, list, bench, config, peer) {
	print "<h2>Figures</h2>\n<div class=\"scroll\"><table>"
	print "<tr><th>bench</th><th>config</th><th>peer</th><th class=\"n\">median</th><th class=\"n\">min</th>" \
		"<th class=\"n\">max</th><th>unit</th></tr>"
	for (b = 1; b <= bench_count; b++) {
		bench = benches[b]
		for (c = 1; c <= config_count[bench]; c++) {
			config = configs[bench, c]
			n = split(substr(row_peers[bench, config], 2), list, " ")
			for (i = 1; i <= n; i++) {
				peer = list[i]
				printf "<tr><td>%s</td><td>%s</td><td>%s</td><td class=\"n\">%s</td>", escape(bench),
					escape(config), escape(peer), figure(value[bench, config, peer])
				printf "<td class=\"n\">%s</td><td class=\"n\">%s</td><td>%s</td></tr>\n",
					figure(low[bench, config, peer]), figure(high[bench, config, peer]),
					escape(unit[bench])
			}
		}
	}
	print "</table></div>"
}
