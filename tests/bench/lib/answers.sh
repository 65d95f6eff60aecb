# What the answer of one CPU costs, whoever pays: more CPUs are asked by the same flush, all other work is the same.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

answers_cpus=(2 4)

# measure_answers DIR PHASE...: `sample PHASE on INSTRUCTIONS`, of a target CPU more.
measure_answers() {
	local dir=$1 phase
	shift
	for phase in "$@"; do
		measure_answer "$dir" "$phase"
	done
}

measure_answer() {
	local dir=$1 phase=$2 cpus
	for cpus in "${answers_cpus[@]}"; do
		"$top/lab/run" --kernel "${GMEM_KERNEL:-gmem}" --icount --smp "$cpus" --timeout 300 --add "$bench/bench-guest" \
			--add "$programs/touch-each" --add "$programs/empty" -- bench-guest "$phase" "$pages" "$rounds" |
			sed "s/^sample $phase/sample $phase.$cpus/; s/^losses $phase/losses $phase.$cpus/" >>"$dir/guest" ||
			echo "failed $phase the guest of $cpus CPUs failed" >>"$dir/guest"
	done
	awk -v few="${answers_cpus[0]}" -v many="${answers_cpus[1]}" -v phase="$phase" '
		$1 == "sample" && index($2, phase ".") == 1 {
			cpus = substr($2, length(phase) + 2)
			if ($3 == "base") { sum[cpus] += $5; bases[cpus]++ } else on[cpus, ++rounds[cpus]] = $5
		}
		END {
			for (i = 1; i <= rounds[few] && i <= rounds[many]; i++) {
				of_many = on[many, i] - sum[many] / bases[many]
				of_few = on[few, i] - sum[few] / bases[few]
				print "sample", phase, "on", (of_many - of_few) / (many - few)
			}
		}' "$dir/guest" >"$dir/$phase"
	cat "$dir/$phase" >>"$dir/guest"
	echo "losses $phase $(sed -n "s/^losses $phase[.]${answers_cpus[1]} //p" "$dir/guest")" >>"$dir/guest"
}
