# summary.awk - medians: from raw.tsv (round, bench, peer, config, value, unit) to results.tsv (bench, peer,
# config, value, unit, min, max), in the order in which benches, then configs, then peers first occur.
BEGIN {
	FS = OFS = "\t"
	print "bench", "peer", "config", "value", "unit", "min", "max"
}

!($2 in seen_bench) {
	seen_bench[$2] = 1
	benches[++bench_count] = $2
}

!(($2, $4, $3) in count) {
	if (!(($2, $4) in peer_count))
		configs[$2, ++config_count[$2]] = $4
	peers[$2, $4, ++peer_count[$2, $4]] = $3
	unit[$2] = $6
}

{
	# Insertion keeps the values of a key sorted.
	n = ++count[$2, $4, $3]
	for (i = n; i > 1 && value[$2, $4, $3, i - 1] + 0 > $5 + 0; i--)
		value[$2, $4, $3, i] = value[$2, $4, $3, i - 1]
	value[$2, $4, $3, i] = $5
}

function median(key, n) {
	if (n % 2)
		return value[key, (n + 1) / 2]
	return (value[key, n / 2] + value[key, n / 2 + 1]) / 2
}

END {
	for (b = 1; b <= bench_count; b++) {
		bench = benches[b]
		for (c = 1; c <= config_count[bench]; c++) {
			config = configs[bench, c]
			for (p = 1; p <= peer_count[bench, config]; p++) {
				peer = peers[bench, config, p]
				key = bench SUBSEP config SUBSEP peer
				n = count[key]
				print bench, peer, config, sprintf("%.6g", median(key, n)), unit[bench],
					value[key, 1], value[key, n]
			}
		}
	}
}
