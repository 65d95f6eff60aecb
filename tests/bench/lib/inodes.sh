# What attaching costs: where many inodes are there already, in wall time; and how often it interrupts another CPU.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

# measure_inodes DIR PHASE...: a guest of its own each.
measure_inodes() {
	local dir=$1 phase options
	shift
	for phase in "$@"; do
		# Interrupts are counted where a busy host changes nothing; seconds where the guest has a real clock.
		options=()
		[ "$phase" = inodes ] || options=(--icount --smp 2)
		"$top/lab/run" --kernel "${GMEM_KERNEL:-gmem}" "${options[@]}" --timeout 900 --add "$bench/bench-guest" \
			--add "$programs/many-inodes" -- bench-guest attach "$rounds" "$phase" >>"$dir/guest" ||
			echo "failed $phase the guest failed" >>"$dir/guest"
	done
}
