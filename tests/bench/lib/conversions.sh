# What conversions cost: no tracer is attached. Each figure has boots of its own.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

# case | kernel (ours or a variant) | program and its arguments, without rounds | the same of what is taken off, if any
icount_cases=(
	"steady|ours|convert-memory steady 32768"
	"first|ours|convert-memory first 32768"
	"scattered|ours|scatter-memory 40000 convert-memory steady 32768"
	"unfaulted|ours|convert-memory unfaulted 524288"
	"one|ours|convert-memory one 16384"
	"ioctl|ours|convert-memory ioctl 32768"
	"literal|literal|convert-memory prefaulted 8192"
	"steps|ours|flush-memory steps 32768"
	"batched|ours|fault-memory populate 32768"
	"batched_unflagged|ours|fault-memory unflagged populate 32768"
	"batches|ours|flush-memory populate 32768"
	"single|ours|fault-memory single 8192"
	"single_unflagged|ours|fault-memory unflagged single 8192"
	"prepared|ours|fault-memory prepared 8192"
	"idle_added|ours|fault-memory idle single 8192|fault-memory unflagged single 8192"
	"single_added|ours|fault-memory single 8192|fault-memory unflagged single 8192"
	"free_added|noclear|fault-memory punch 8192|fault-memory unflagged punch 8192"
	"free_cleared|ours|fault-memory punch 8192|fault-memory unflagged punch 8192"
)

# What clearing costs beside clear_page(): once less not at all, less what a second clear_page() adds.
clear_kernels=(ours noclear cleartwice)

# case | CPUs | memory | dividend | divisor, each as KERNEL:WHAT:PROGRAM AND ALL OF ITS ARGUMENTS
wall_cases=(
	"8cpu_vs_noflush|8|4G|ours:private:convert-memory steady 524288 25|noflush:private:convert-memory steady 524288 25"
	"2cpu_vs_literal|2|2G|literal:private:convert-memory prefaulted 8192 5|ours:private:convert-memory prefaulted 8192 5"
	"8cpu_vs_literal|8|2G|literal:private:convert-memory prefaulted 1024 5|ours:private:convert-memory prefaulted 1024 5"
	"flush|2|2G|ours:flush:flush-memory bare 4096 51|ours:bare:flush-memory bare 4096 51"
	"flush_page|2|2G|ours:flush:flush-memory bare 4096 51|ours:page:flush-memory bare 4096 51"
	"populate|4|3G|ours:populate:fault-memory populate 262144 6|noflush:populate:fault-memory populate 262144 6"
	"single|4|2G|ours:single:fault-memory single 8192 9|ours:single:fault-memory unflagged single 8192 9"
	"random|8|3G|ours:random:fault-memory random 262144 3|noflush:random:fault-memory random 262144 3"
	"bind|1|2G|ours:bind:fault-memory bind 267386880 5|ours:bind:fault-memory unflagged bind 267386880 5"
)

# Kernels are looked up once: all boots of a run have the same, whatever becomes of kernel/ meanwhile.
declare -A kernels

# kernel_of ours|VARIANT: its directory, in $kernel_dir.
kernel_of() {
	local arguments=(gmem)
	kernel_dir=${kernels[$1]:-}
	[ -z "$kernel_dir" ] || return 0
	[ "$1" = ours ] || arguments+=(--variant "$1")
	if [ "$1" = ours ] && [ -d "${GMEM_KERNEL:-}" ]; then
		kernel_dir=$GMEM_KERNEL
	else
		kernel_dir=$("$top/kernel/build" "${arguments[@]}" 2>/dev/null | tail -n 1)
	fi
	[ -n "$kernel_dir" ] || return 1
	kernels[$1]=$kernel_dir
}

# case_named NAME CASE...: the case's line.
case_named() {
	local name=$1 line
	shift
	for line in "$@"; do
		[ "${line%%|*}" != "$name" ] || printf '%s\n' "$line"
	done
}

# boot_convert KERNEL OPTION... -- COMMAND...: lines "WHAT VALUE".
boot_convert() {
	kernel_of "$1" || return 1
	shift
	"$top/lab/run" --kernel "$kernel_dir" --timeout 600 --add "$programs/convert-memory" \
		--add "$programs/fault-memory" --add "$programs/flush-memory" \
		--add "$programs/scatter-memory" "$@" </dev/null
}

# measure_icount DIR CASE: `sample icount.CASE.WHAT on VALUE`, a line a round.
measure_icount() {
	local line kernel command base
	line=$(case_named "$2" "${icount_cases[@]}")
	IFS='|' read -r _ kernel command base <<<"$line"
	echo "  measuring conversions: $2" >&2
	measure_icount_boot "$1" "$2" "$kernel" on "$command" || return 0
	[ -z "$base" ] || measure_icount_boot "$1" "$2" "$kernel" base "$base" || return 0
}

# measure_icount_boot DIR CASE KERNEL on|base COMMAND
measure_icount_boot() {
	# shellcheck disable=SC2086  # words
	boot_convert "$3" --icount -- $5 "$rounds" >"$1/boot" 2>"$1/says" || {
		tail -n 1 "$1/says" | sed "s/^/failed icount.$2 /" >>"$1/guest"
		return 1
	}
	sed "s/^\([a-z]*\) /sample icount.$2.\1 $4 /" "$1/boot" >>"$1/guest"
}

# measure_clear DIR: `sample icount.free_clear.added on VALUE`, of the rounds of three boots.
measure_clear() {
	local kernel
	for kernel in "${clear_kernels[@]}"; do
		echo "  measuring conversions: free_clear, $kernel" >&2
		boot_convert "$kernel" --icount -- fault-memory punch 8192 "$rounds" >"$1/clear.$kernel" 2>"$1/says" || {
			tail -n 1 "$1/says" | sed "s/^/failed icount.free_clear /" >>"$1/guest"
			return 0
		}
	done
	paste -d ' ' "${clear_kernels[@]/#/$1/clear.}" |
		awk 'NF == 6 { print "sample icount.free_clear.added on", 2 * $2 - $4 - $6 }' >>"$1/guest"
}

# quantile_of FILE WHAT PER-CENT: the round below which so many lie.
quantile_of() {
	sed -n "s/^$2 //p" "$1" | sort -g | awk -v percent="$3" '{ value[NR] = $1 }
		END { if (NR) print value[int((NR - 1) * percent / 100 + 0.5) + 1] }'
}

# boot_workload DIR CASE-SIDE FILE OPTION...: the lines of that side's program.
boot_workload() {
	local dir=$1 kernel program file=$3
	IFS=: read -r kernel _ program <<<"$2"
	shift 3
	# shellcheck disable=SC2086  # words
	boot_convert "$kernel" "$@" -- $program >"$file" 2>"$dir/says"
}

# measure_pair DIR CPUS MEMORY DIVIDEND DIVISOR: a boot of each side, one after the other; one boot
# where kernel and program are the same.
measure_pair() {
	local dir=$1 options=(--smp "$2" --mem "$3") first=$4 second=$5 one other
	IFS=: read -r _ one _ <<<"$first"
	IFS=: read -r _ other _ <<<"$second"
	boot_workload "$dir" "$first" "$dir/first" "${options[@]}" || return 1
	if [ "${first/:$one:/:}" = "${second/:$other:/:}" ]; then
		cp "$dir/first" "$dir/second"
	else
		boot_workload "$dir" "$second" "$dir/second" "${options[@]}" || return 1
	fi
	echo median "$(quantile_of "$dir/first" "$one" 50)" "$(quantile_of "$dir/second" "$other" 50)"
	echo fast "$(quantile_of "$dir/first" "$one" 10)" "$(quantile_of "$dir/second" "$other" 10)"
}

# measure_wall DIR CASE: `sample wall.CASE.median on RATIO` and the same of fast rounds, a pair of boots.
measure_wall() {
	local cpus memory first second pair
	IFS='|' read -r _ cpus memory first second < <(case_named "$2" "${wall_cases[@]}")
	for ((pair = 1; pair <= pairs; pair++)); do
		echo "  measuring ratios: $2, pair $pair of $pairs" >&2
		measure_pair "$1" "$cpus" "$memory" "$first" "$second" >"$1/pair" || {
			tail -n 1 "$1/says" | sed "s/^/failed wall.$2 /" >>"$1/guest"
			return 0
		}
		awk -v phase="wall.$2" 'NF == 3 { print "sample", phase "." $1, "on", $2 / $3, $2, $3 }' \
			"$1/pair" >>"$1/guest"
	done
}

# measure_conversions DIR PHASE...: phases are icount.CASE.WHAT, wall.CASE.median|fast and growth.
measure_conversions() {
	local dir=$1 name
	shift
	for name in $(printf '%s\n' "$@" | sed -n 's/^icount\.\([^.]*\).*/\1/p' | awk '!seen[$0]++'); do
		case $name in
		free_clear) measure_clear "$dir" ;;
		*) measure_icount "$dir" "$name" ;;
		esac
	done
	for name in $(printf '%s\n' "$@" | sed -n 's/^wall\.\([^.]*\).*/\1/p' | awk '!seen[$0]++'); do
		measure_wall "$dir" "$name"
	done
	[[ " $* " != *" growth."* ]] || measure_growth "$dir" "$@"
}
