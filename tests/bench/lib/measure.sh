# Runs the phases: all of the kernel's in one boot, the replay on this machine.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

# measure_guest DIR PHASE...: DIR/guest gets the lines of bench-guest, DIR the captures.
measure_guest() {
	local dir=$1 program adds=()
	shift
	rm -f "$dir"/*.cap
	for program in empty session first-touch page-free scatter-memory fault-memory; do
		adds+=(--add "$programs/$program")
	done
	adds+=(--add "$top/build/tests/vm/verified")
	"$top/lab/run" --kernel "${GMEM_KERNEL:-gmem}" --icount --host-root --timeout 600 --out "$dir" \
		--add "$bench/bench-guest" "${adds[@]}" -- bench-guest "$pages" "$rounds" "$@" |
		tee "$dir/guest" | show_progress
}

# A line a phase: all of them take a minute.
show_progress() {
	awk '$1 == "phase" { printf "  measuring %s\n", $2; fflush() }' >&2
}

# measure_snapshot DIR PHASE: `sample PHASE on NS` a page, a line a chunk.
measure_snapshot() {
	[ -f "$1/$2.cap" ] || return 0
	"$programs/capture-figures" "$1/$2.cap" |
		awk -v phase="$2" '$1 == "chunk" { print "sample", phase, "on", $2 / $3 }
			$1 == "lost" { print "losses", phase, "lost", $2, "records" }' >>"$1/guest"
}

# A capture that cannot be judged (exit status 2 and above) is no replay.
replay_once() {
	local before after
	before=$(date +%s%N)
	"$tracer" check "$1" >/dev/null 2>&1 || [ $? = 5 ] || return 1
	after=$(date +%s%N)
	echo $((after - before))
}

# measure_models DIR PHASE...: `sample PHASE on BYTES`; the same in every round, as nothing else runs.
measure_models() {
	local dir=$1 phase i
	shift
	for phase; do
		for ((i = 0; i < rounds; i++)); do
			echo "sample $phase on $("$programs/model-memory" "${phase#model.}")" >>"$dir/guest"
		done
		echo "losses $phase none" >>"$dir/guest"
	done
}

# measure_drawings DIR PHASE...: `sample PHASE on INSTRUCTIONS`, of the ten drawings that are counted.
measure_drawings() {
	local dir=$1 phase i
	shift
	for phase; do
		for ((i = 0; i < rounds; i++)); do
			LINES=50 COLUMNS=200 TERM=xterm-256color valgrind --tool=callgrind --toggle-collect=measured \
				--callgrind-out-file=/dev/null "$programs/live-draw" "${phase#draw.}" 2>&1 >/dev/null |
				awk -v phase="$phase" '/Collected/ { print "sample", phase, "on", $NF / 10 }' >>"$dir/guest"
		done
		echo "losses $phase none" >>"$dir/guest"
	done
}

# measure_replay DIR: `sample replay on RATE`, records a second.
measure_replay() {
	local records ns i
	[ -f "$1/replay.cap" ] || return 0
	records=$("$programs/capture-figures" "$1/replay.cap" | awk '$1 == "records" { print $2 }')
	replay_once "$1/replay.cap" >/dev/null || {
		echo "failed replay gmemtrace check cannot judge the capture" >>"$1/guest"
		return 0
	}
	for ((i = 0; i < rounds; i++)); do
		ns=$(replay_once "$1/replay.cap")
		awk -v n="$records" -v ns="$ns" 'BEGIN { print "sample replay on", n * 1e9 / ns }' >>"$1/guest"
	done
	echo "losses replay $records records a run" >>"$1/guest"
}

# processor_ms COMMAND...: ms of processor time, of which other work on this machine takes nothing away.
processor_ms() {
	local TIMEFORMAT='%U %S'
	{ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print ($1 + $2) * 1000 }'
}

# measure_compare DIR: `sample compare on RATIO`, of the time that either takes for the same work.
measure_compare() {
	local theirs ours i
	[ -f "$1/compare.dat" ] || return 0
	replay_once "$1/compare.cap" >/dev/null || {
		echo "failed compare gmemtrace check cannot judge the capture" >>"$1/guest"
		return 0
	}
	for ((i = 0; i < rounds; i++)); do
		theirs=$(processor_ms trace-cmd report "$1/compare.dat")
		ours=$(processor_ms "$tracer" check "$1/compare.cap")
		awk -v a="$theirs" -v b="$ours" 'BEGIN { print "sample compare on", a / b }' >>"$1/guest"
	done
	echo "losses compare trace-cmd report $theirs ms, gmemtrace check $ours ms" >>"$1/guest"
}
