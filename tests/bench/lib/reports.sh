# What reports of flushes cost, on captures that were made for it: no guest, no kernel.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

# html_once CAPTURE HTML: "SECONDS BYTES" of processor time and of resident memory.
html_once() {
	/usr/bin/time -f '%U %S %M' "$tracer" flame --html -o "$2" "$1" 2>&1 >/dev/null |
		awk 'NF == 3 { print $1 + $2, $3 * 1024; made = 1 } END { exit !made }'
}

# page_opens HTML: ms from the open of the page until it is drawn, in Chromium.
page_opens() {
	NODE_PATH=$top/build/web/node_modules node "$bench/page-opens.mjs" "$top/build/web/package.json" "$1"
}

# measure_html DIR PHASE...: one capture for all of them.
measure_html() {
	local dir=$1 i seconds bytes ms phase
	shift
	if ! [ -s "$top/build/page.html" ]; then
		for phase; do
			echo "failed $phase this build has no page" >>"$dir/guest"
		done
		return
	fi
	"$programs/flush-capture" "$dir/flushes.cap" "$report_flushes" || die 2 'the capture was not written, see above'
	for ((i = 0; i < rounds; i++)); do
		read -r seconds bytes <<<"$(html_once "$dir/flushes.cap" "$dir/report.html")"
		{
			echo "sample reports.html on $seconds"
			echo "sample reports.html_memory on $bytes"
			echo "sample reports.html_size on $(stat -c %s "$dir/report.html")"
		} >>"$dir/guest"
		ms=$(page_opens "$dir/report.html") && echo "sample reports.html_opens on $ms" >>"$dir/guest"
	done
	echo "failed reports.html_opens node and chromium are needed" >>"$dir/guest"
	for phase; do
		echo "losses $phase $report_flushes flushes, processor time" >>"$dir/guest"
	done
	rm -f "$dir/flushes.cap"
}

# collapse: folded lines of what perf script prints, as stackcollapse-perf.pl makes them.
# shellcheck disable=SC2016  # awk's
collapse_program='
	!NF { if (comm != "") sum[comm stack] += period; comm = ""; next }
	comm == "" { comm = $1 "-" $2; period = $3; stack = ""; next }
	{ stack = ";" $2 stack }
	END { for (line in sum) print line, sum[line] }'

theirs_folded() {
	perf script -i "$1" --kallsyms "$2" -F comm,tid,period,ip,sym 2>/dev/null | awk "$collapse_program"
}

ours_folded() {
	"$tracer" flame --folded "$1"
}

# measure_folded DIR PHASE: `sample reports.folded on RATIO`, perf script | collapse over flame --folded.
measure_folded() {
	local dir=$1 i theirs ours lines
	perf --version >/dev/null 2>&1 || {
		echo "failed $2 perf is needed (Debian package: linux-perf)" >>"$dir/guest"
		return 0
	}
	"$programs/flush-perf" "$dir/perf.data" "$dir/kallsyms" "$folded_flushes" || die 2 'perf.data was not written, see above'
	"$programs/flush-capture" "$dir/folded.cap" "$folded_flushes" || die 2 'the capture was not written, see above'
	lines=$(theirs_folded "$dir/perf.data" "$dir/kallsyms" | wc -l)
	[ "$lines" -gt 1000 ] || die 2 "perf script finds $lines stacks only"
	for ((i = 0; i < rounds; i++)); do
		theirs=$(processor_ms theirs_folded "$dir/perf.data" "$dir/kallsyms")
		ours=$(processor_ms ours_folded "$dir/folded.cap")
		awk -v a="$theirs" -v b="$ours" 'BEGIN { print "sample reports.folded on", a / b }' >>"$dir/guest"
	done
	echo "losses $2 perf script | awk $theirs ms, flame --folded $ours ms, $folded_flushes events" >>"$dir/guest"
	rm -f "$dir/perf.data" "$dir/folded.cap"
}

# measure_reports DIR PHASE...
measure_reports() {
	local dir=$1 phase html=()
	shift
	for phase; do
		case $phase in
		reports.folded) measure_folded "$dir" "$phase" ;;
		*) html+=("$phase") ;;
		esac
	done
	[ ${#html[@]} -eq 0 ] || measure_html "$dir" "${html[@]}"
}
