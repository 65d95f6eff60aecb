# What a page's story and a replay cost, on a capture of ten million records that was made for it: no guest, no kernel.
# shellcheck shell=bash disable=SC2154  # variables of tests/bench/run

pages_records=10000000
pages_seeks=10

page_screen() {
	"$tracer" live --screen 80x24 --keys "$1" "$2"
}

# seek_ms CAPTURE: of a second back from the end, again and again, less what it takes to get there.
seek_ms() {
	local keys
	printf -v keys '%*s' "$pages_seeks" ''
	awk -v many="$(processor_ms page_screen "G${keys// /<}" "$1")" -v none="$(processor_ms page_screen G "$1")" \
		-v nr="$pages_seeks" 'BEGIN { print (many - none) / nr }'
}

page_sample() {
	case $1 in
	pages.why) processor_ms "$tracer" why g1:0x10 "$2" ;;
	pages.why_index) processor_ms "$tracer" why g30:0x10 "$2" ;;
	pages.seek) seek_ms "$2" ;;
	esac
}

# measure_pages DIR PHASE...: one capture for all of them. g1 is in all of its blocks, g30 in one of 64.
measure_pages() {
	local dir=$1 phase i
	shift
	[ $# -gt 0 ] || return 0
	"$programs/page-capture" "$dir/pages.cap" "$pages_records" || die 2 'the capture was not written, see above'
	"$tracer" why g1:0x10 "$dir/pages.cap" 2>/dev/null | grep -q '^exposure   made absent [1-9]' || die 2 'page g1:0x10 has no story'
	for phase; do
		for ((i = 0; i < rounds; i++)); do
			echo "sample $phase on $(page_sample "$phase" "$dir/pages.cap")" >>"$dir/guest"
		done
		echo "losses $phase $pages_records records" >>"$dir/guest"
	done
	rm -f "$dir/pages.cap"
}
