# How the cost of a conversion grows with its range and with the CPUs: ns a call in the routine.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

growth_cpus=(1 2 4 8)
# Of memory that is resident and prepared, and of holes.
growth_directions=(private shared private_holes shared_holes)

# kernel | memory | pages at most: literal takes a quarter of a millisecond a page on eight CPUs.
growth_kernels=(
	"ours|4G|524288"
	"noflush|4G|524288"
	"literal|2G|4096"
)

# growth_sizes PAGES: as convert-memory sizes takes them.
growth_sizes() {
	local nr
	for ((nr = 1; nr < $1; nr *= 8)); do
		echo "$nr"
	done
	echo "$1"
}

# Figures like those of figures.sh, one for each cell.
growth_figures() {
	local kernel pages cpus nr direction
	for cpus in "${growth_cpus[@]}"; do
		while IFS='|' read -r kernel _ pages; do
			for nr in $(growth_sizes "$pages"); do
				for direction in "${growth_directions[@]}"; do
					echo "growth_${direction}_${nr}p_${cpus}cpu_$kernel|growth.$kernel.$cpus.$direction.$nr|routine|ns/call|-|none"
				done
			done
			for direction in private shared; do
				echo "convert_ipis_${direction}_${cpus}cpu_$kernel|growth.$kernel.$cpus.ipis.$direction|ioctl|interrupts/call|-|none"
			done
		done < <(printf '%s\n' "${growth_kernels[@]}")
	done
}

# measure_growth DIR PHASE...: a boot for each kernel and number of CPUs that is asked for.
measure_growth() {
	local dir=$1 kernel memory pages cpus
	shift
	while IFS='|' read -r kernel memory pages; do
		for cpus in "${growth_cpus[@]}"; do
			[[ " $* " == *" growth.$kernel.$cpus."* ]] || continue
			echo "  measuring growth: $kernel on $cpus CPUs" >&2
			boot_convert "$kernel" --smp "$cpus" --mem "$memory" -- sh -c \
				"convert-memory sizes $pages $rounds && flush-memory ipis 4096 $rounds" \
				>"$dir/boot" 2>"$dir/says" ||
				tail -n 1 "$dir/says" | sed "s/^/failed growth.$kernel.$cpus /" >>"$dir/guest"
			sed "s/^\([a-z0-9._]*\) /sample growth.$kernel.$cpus.\1 on /" "$dir/boot" >>"$dir/guest"
		done
	done < <(printf '%s\n' "${growth_kernels[@]}")
}

# growth_cell LINES KERNEL CPUS DIRECTION PAGES: the median in us with the spread, or nothing.
growth_cell() {
	local value least most
	read -r value least most _ <<<"$(figure_values "$1" "growth.$2.$3.$4.$5" routine)"
	[ -z "$value" ] || awk -v value="$value" -v least="$least" -v most="$most" \
		'BEGIN { printf "%.0f (%.0f-%.0f)", value / 1000, least / 1000, most / 1000 }'
}

# growth_table LINES: for people; the JSON has the same figures one by one.
growth_table() {
	local direction nr cpus kernel
	grep -q '^sample growth' "$1" || return 0
	for direction in "${growth_directions[@]}"; do
		printf '\nus a call to %s: median (min-max)\n%8s %-8s' "${direction/_/ }" pages kernel
		printf ' %22s' "${growth_cpus[@]/%/ CPUs}"
		echo
		for nr in $(growth_sizes 524288); do
			for kernel in ours noflush literal; do
				grep -q "^sample growth\.$kernel\.[0-9]*\.$direction\.$nr " "$1" || continue
				printf '%8s %-8s' "$nr" "$kernel"
				for cpus in "${growth_cpus[@]}"; do
					printf ' %22s' "$(growth_cell "$1" "$kernel" "$cpus" "$direction" "$nr")"
				done
				echo
			done
		done
	done
}
