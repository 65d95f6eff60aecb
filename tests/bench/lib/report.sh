# From samples to figures, a table and build/bench.json.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

# figure_values FILE PHASE CLOCK: prints "VALUE MIN MAX SAMPLES", nothing where there are fewer than
# five samples. What a tracer adds is each round with it less the median of the rounds without, which
# stand before and after it in the same boot.
figure_values() {
	awk -v phase="$2" -v clock="$3" '
		function sort(values, nr,   i, j, kept) {
			for (i = 2; i <= nr; i++) {
				kept = values[i]
				for (j = i - 1; j > 0 && values[j] > kept; j--)
					values[j + 1] = values[j]
				values[j + 1] = kept
			}
		}
		function median(values, nr) {
			return nr % 2 ? values[(nr + 1) / 2] : (values[nr / 2] + values[nr / 2 + 1]) / 2
		}
		$1 == "sample" && $2 == phase {
			value = clock == "monotonic" ? $5 : $4
			# A clock that the sample does not have is no 0.
			if (value == "")
				next
			if ($3 == "base")
				base[++bases] = value
			else
				on[++samples] = value
		}
		END {
			if (samples < 5)
				exit
			sort(base, bases)
			sort(on, samples)
			zero = bases ? median(base, bases) : 0
			format = clock == "ratio" ? "%.3f" : "%.1f"
			printf format " " format " " format " %d\n", median(on, samples) - zero, on[1] - zero,
				on[samples] - zero, samples
		}' "$1"
}

# note_of FILE PHASE losses|failed
note_of() {
	sed -n "s/^$3 $2 //p" "$1" | tail -n 1
}

why_missing() {
	local why
	why=$(note_of "$1" "$2" failed)
	[ -n "$why" ] || why=$(note_of "$1" "${2%.*}" failed)
	echo "${why:-only $(grep -c "^sample $2 on " "$1") samples, five are needed}"
}

table_heading() {
	printf '%-34s %10s %10s %10s %7s %8s  %-24s %s\n' \
		figure median min max target samples unit losses
}

table_row() {
	local name=$1 unit=$2 target=$3 value=$4 least=$5 most=$6 samples=$7 losses=$8
	printf '%-34s %10s %10s %10s %7s %8s  %-24s %s\n' \
		"$name" "$value" "$least" "$most" "$target" "$samples" "$unit" "$losses"
}

json_object() {
	local name=$1 unit=$2 target=$3 value=$4 least=$5 most=$6 hooks=$7
	[ "$target" != - ] || target=null
	printf '  {"name": "%s", "unit": "%s", "value": %s, "min": %s, "max": %s, "target": %s,\n' \
		"$name" "$unit" "$value" "$least" "$most" "$target"
	printf '   "hooks": "%s", "command": "tests/bench/run build/bench.json %s"}' "$hooks" "$name"
}

# report GUEST-LINES FILTER JSON: the table on stdout; a figure not measured is left out of both.
report() {
	local lines=$1 filter=$2 json=$3 figure name phase clock unit target hooks value least most samples
	local comma='' missing=()
	table_heading
	printf '[\n' >"$json.new"
	for figure in "${figures[@]}"; do
		IFS='|' read -r name phase clock unit target hooks <<<"$figure"
		figure_wanted "$name" "$filter" || continue
		read -r value least most samples <<<"$(figure_values "$lines" "$phase" "$clock")"
		if [ -z "$value" ]; then
			missing+=("$name: $(why_missing "$lines" "$phase")")
			continue
		fi
		[[ $phase == growth.*[0-9] ]] || table_row "$name" "$unit" "$target" "$value" "$least" "$most" "$samples" \
			"$(note_of "$lines" "$phase" losses)"
		printf '%s' "$comma" >>"$json.new"
		json_object "$name" "$unit" "$target" "$value" "$least" "$most" "$hooks" >>"$json.new"
		comma=$',\n'
	done
	printf '\n]\n' >>"$json.new"
	mv "$json.new" "$json"
	growth_table "$lines"
	printf '\nEach again: tests/bench/run %s NAME\n' "$json"
	[ ${#missing[@]} -eq 0 ] || printf 'not measured: %s\n' "${missing[@]}"
}
