# table.awk - the results as text: one line a bench and config, then the targets. Needs results.awk.
END {
	wide = 6
	for (b = 1; b <= bench_count; b++)
		for (c = 1; c <= config_count[benches[b]]; c++)
			if (length(configs[benches[b], c]) > wide)
				wide = length(configs[benches[b], c])
	line = sprintf("%-22s %-" wide "s %-4s", "bench", "config", "unit")
	for (p = 1; p <= peer_count; p++)
		line = line sprintf(" %15s", peers[p])
	for (p = 1; p <= peer_count; p++)
		if (peers[p] ~ /^go/)
			line = line sprintf(" %12s", "weft/" peers[p])
	print line
	for (b = 1; b <= bench_count; b++)
		for (c = 1; c <= config_count[benches[b]]; c++)
			print_row(benches[b], configs[benches[b], c])
	print "\nEach figure: median, then half the distance from min to max. Ratio: weft's median over the peer's."
	print_targets()
}

function print_row(bench, config,    line, p, r) {
	line = sprintf("%-22s %-" wide "s %-4s", bench, config, unit[bench])
	for (p = 1; p <= peer_count; p++)
		line = line sprintf(" %15s", with_spread(bench, config, peers[p]))
	for (p = 1; p <= peer_count; p++)
		if (peers[p] ~ /^go/) {
			r = ratio(bench, config, peers[p])
			line = line sprintf(" %12s", r == "" ? "-" : sprintf("%.3f", r))
		}
	print line
}

function with_spread(bench, config, peer,    middle) {
	if (!has(bench, config, peer))
		return "-"
	middle = value[bench, config, peer]
	if (middle + 0 == 0)
		return figure(middle)
	return sprintf("%s +-%.0f%%", figure(middle),
		50 * (high[bench, config, peer] - low[bench, config, peer]) / middle)
}

function print_targets(    t, tested, printed) {
	for (t = 1; t <= target_count; t++) {
		tested = target_value(t)
		if (tested == "")
			continue
		if (!printed++)
			printf "\n%-22s %-" wide "s %-14s %8s %8s\n", "target", "config", "against", "must", "is"
		printf "%-22s %-" wide "s %-14s %8s %8.3f  %s\n", target_bench[t], target_config[t],
			target_against[t], target_bound[t], tested, target_met(t, tested) ? "met" : "MISSED"
	}
}
