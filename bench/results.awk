# results.awk - what table.awk and report.awk share: reads results.tsv, targets.tsv, and if given
# metrics.tsv and meta.tsv (each named by its kind in the variable `file`), and judges targets.
BEGIN { FS = "\t" }

/^#/ || (file == "results" && $1 == "bench" && $2 == "peer") { next }

file == "results" {
	if (!($1 in config_count))
		benches[++bench_count] = $1
	if (!(($1, $3) in row_peers)) {
		configs[$1, ++config_count[$1]] = $3
		row_peers[$1, $3] = ""
	}
	row_peers[$1, $3] = row_peers[$1, $3] " " $2
	if (!($2 in seen_peer)) {
		seen_peer[$2] = 1
		peers[++peer_count] = $2
	}
	value[$1, $3, $2] = $4
	low[$1, $3, $2] = $6
	high[$1, $3, $2] = $7
	unit[$1] = $5
}

file == "targets" {
	target_bench[++target_count] = $1
	target_config[target_count] = $2
	target_against[target_count] = $3
	target_bound[target_count] = $4
	if ($4 ~ /^>=/)
		wants_more[$1] = 1
}

file == "metrics" { says[$1] = $2 }

file == "meta" {
	meta_key[++meta_count] = $1
	meta_value[meta_count] = $2
}

function has(bench, config, peer) {
	return (bench, config, peer) in value
}

# weft's median over the peer's, "" when one is missing.
function ratio(bench, config, peer) {
	if (!has(bench, config, "weft") || !has(bench, config, peer) || value[bench, config, peer] + 0 == 0)
		return ""
	return value[bench, config, "weft"] / value[bench, config, peer]
}

# The value that target t tests, "" when it was not measured.
function target_value(t,    bench, config, against, other) {
	bench = target_bench[t]
	config = target_config[t]
	against = target_against[t]
	if (!has(bench, config, "weft"))
		return ""
	if (against == "absolute")
		return value[bench, config, "weft"]
	if (against ~ /^weft@/) {
		other = substr(against, 6)
		if (!has(bench, other, "weft") || value[bench, other, "weft"] + 0 == 0)
			return ""
		return value[bench, config, "weft"] / value[bench, other, "weft"]
	}
	return ratio(bench, config, against)
}

function target_met(t, tested) {
	if (target_bound[t] ~ /^>=/)
		return tested + 0 >= substr(target_bound[t], 3) + 0
	return tested + 0 <= target_bound[t] + 0
}

# A figure with three digits that count.
function figure(x) {
	x += 0
	if (x >= 100 || x <= -100)
		return sprintf("%.0f", x)
	if (x >= 10)
		return sprintf("%.1f", x)
	return x >= 1 ? sprintf("%.2f", x) : sprintf("%.3g", x)
}
