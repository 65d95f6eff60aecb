# What the answer of one CPU costs, whoever pays: more CPUs are asked by the same flush, all other work is the same.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

answers_cpus=(2 4)

# measure_answers DIR PHASE...: `sample answers on INSTRUCTIONS`, of a target CPU more.
measure_answers() {
	local dir=$1 cpus
	[ $# -gt 1 ] || return 0
	for cpus in "${answers_cpus[@]}"; do
		"$top/lab/run" --kernel "${GMEM_KERNEL:-gmem}" --icount --smp "$cpus" --timeout 300 --add "$bench/bench-guest" \
			--add "$programs/touch-each" -- bench-guest answers "$pages" "$rounds" |
			sed "s/^sample answers/sample answers.$cpus/; s/^losses answers/losses answers.$cpus/" >>"$dir/guest" ||
			echo "failed answers the guest of $cpus CPUs failed" >>"$dir/guest"
	done
	awk -v few="${answers_cpus[0]}" -v many="${answers_cpus[1]}" '
		$1 == "sample" && $2 ~ /^answers[.]/ {
			cpus = substr($2, 9)
			if ($3 == "base") { sum[cpus] += $5; bases[cpus]++ } else on[cpus, ++rounds[cpus]] = $5
		}
		END {
			for (i = 1; i <= rounds[few] && i <= rounds[many]; i++) {
				of_many = on[many, i] - sum[many] / bases[many]
				of_few = on[few, i] - sum[few] / bases[few]
				print "sample answers on", (of_many - of_few) / (many - few)
			}
		}' "$dir/guest" >"$dir/answers"
	cat "$dir/answers" >>"$dir/guest"
	echo "losses answers $(sed -n "s/^losses answers[.]${answers_cpus[1]} //p" "$dir/guest")" >>"$dir/guest"
}
