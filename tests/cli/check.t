#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What check and flame refuse before they look at anything: one line, exit status 64.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

# refused WORDS OPTION...
refused() {
	local words=$1 said status
	shift
	said=$("$top/build/bin/gmemtrace" check "$@" /nonexistent 2>&1)
	status=$?
	is "$status: $said" "64: gmemtrace check: $words; see gmemtrace check --help" "check $*"
}

refused 'stuck is both required and allowed' --allow stuck:slow --require missed-page,stuck
refused 'stuck is both required and allowed' --require stuck --allow stuck
refused '--allow: stuck: allowed twice' --allow stuck --allow stuck
refused '--require: long-exposure: a note, no verdict depends on it' --require long-exposure
refused '--known-issues: /nonexistent: No such file or directory' --known-issues /nonexistent
refused '--known-issues: /dev/zero: line 1: no text, or longer than 4095 bytes' --known-issues /dev/zero
{ echo '# known'; printf 'stuck:%04090d' 0; } >"$test_work/long"
refused "--known-issues: $test_work/long: line 2: no text, or longer than 4095 bytes" --known-issues "$test_work/long"
{ echo '# known'; printf 'stuck:%04089d' 0; } >"$test_work/long"
refused 'stuck is both required and allowed' --known-issues "$test_work/long" --require stuck
refused '--json and --tap: give one of them' --json --tap
refused '--mail and --json: give one of them' --mail --json
refused '--inode x3: give an inode such as g3 or s1' --inode x3
refused '--inode g0: give an inode such as g3 or s1' --inode g0
refused '--inode : give an inode such as g3 or s1' --inode ''
refused "--comm: give a name, such as 'qemu*'" --comm ''
refused '--pgoff 5-2: give a page or pages such as 0x10-0x1f' --pgoff 5-2
refused '--pgoff 0x: give a page or pages such as 0x10-0x1f' --pgoff 0x
whole='a capture has whole inodes, as a request and its flush are of more pages than one: give it to what reads the capture'
# refuses_pages WHY SUBCOMMAND WORD...
refuses_pages() {
	local why=$1
	shift
	is "$("$top/build/bin/gmemtrace" "$@" --pgoff 1 2>&1; echo $?)" \
		"gmemtrace $1: --pgoff: $why; see gmemtrace $1 --help
64" "$* --pgoff"
}
refuses_pages "$whole" record
refuses_pages "$whole" export --format capture -o "$test_work/none.cap"
refuses_pages 'the page says which: INODE:PGOFF-PGOFF' why g1:1
refuses_pages 'it has no meaning here' holders
is "$("$top/build/bin/gmemtrace" why g1:1 --inode g1 2>&1; echo $?)" \
	'gmemtrace why: --inode: the page says whose it is: INODE:PGOFF; see gmemtrace why --help
64' 'why --inode'

# Filters, on a capture whose page g3:2 is freed absent.
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
# filtered STATUS WORDS OPTION...: its exit status, and all that it says beside the verdict.
filtered() {
	local status=$1 words=$2 said
	shift 2
	said=$("$top/build/bin/gmemtrace" check "$@" "$test_work/violated.cap" 2>&1 >"$test_work/out")
	is "$?: $said" "$status: $words" "check $*"
}
none="gmemtrace: no inode was seen that passes the filter: --inode takes a number such as g3, --comm the name of a VM's process that was traced, --vm its id"
filtered 1 '' --inode g3
filtered 1 '' --inode 3 --comm 'v?m' --vm 100 --pgoff 0-2
filtered 5 "$none" --inode g4
filtered 5 "$none" --comm vmm-2
filtered 5 "$none" --inode 3 --comm vmm-2
filtered 2 'gmemtrace: --inode s3: that inode is g3 here (rfc3): is it another capture'"'s number?" --inode s3
filtered 0 '' --pgoff 3-0xff
grep -q '^only pages 0x3-0xff of each inode are judged: 1 violation of other pages is left out$' "$test_work/out" && left=said
is "${left-}" said 'that some pages alone are judged is said beside the verdict'
nowhere='gmemtrace: --pgoff: no inode has these pages: the largest has 8, 0 to 0x7'
filtered 5 "$nowhere" --pgoff 8-0x50
is "$(sed -n 's/^not known  //p' "$test_work/out")" 'nothing was judged: of the pages 0x8 to 0x50 none was compared' 'pages that are nowhere are no green'
filtered 0 "$nowhere" --allow-empty --pgoff 8-0x50
# Each page of a run that nobody needs to be told of, of each kind, resident or not.
for kind in secretmem convert bind plain; do
	for page in 0 1 7 16; do
		"$top/build/bin/gmemtrace" check --pgoff "$page" "$top/tests/unit/fixtures/load-$kind.cap" >"$test_work/out" 2>&1
		is "$?" 0 "$kind: page $page was compared"
	done
done
for format in json tap junit="$test_work/junit" github markdown mail; do
	filtered 5 "$nowhere" "--$format" --pgoff 8-0x50
	[[ $format != junit* ]] || cp "$test_work/junit" "$test_work/out"
	is "$(grep -cE 'only pages 0x8-0x50 of each inode are judged: 1 violation|"left_out": ?1' "$test_work/out")" 1 "${format%%=*}: what was left out is said"
done
is "$("$top/build/bin/gmemtrace" latency --pgoff 88 "$top/tests/unit/fixtures/load-convert.cap" 2>&1 >/dev/null)" \
	'gmemtrace: --pgoff: no inode has these pages: the largest has 88, 0 to 0x57' 'pages that are nowhere: one line'
is "$("$top/build/bin/gmemtrace" latency --pgoff 87 "$top/tests/unit/fixtures/load-convert.cap" 2>&1 >/dev/null)" '' 'the last one is there'

# Some pages and all others are what all of them are together.
fixture=$top/tests/unit/fixtures/load-convert.cap
# pages_of OPTION...: pages made absent and present, and pages whose exposure ended, by three commands.
pages_of() {
	"$top/build/bin/gmemtrace" live --json "$@" "$fixture" 2>&1 | jq -s '[.[] | select(.inode == null)] | map(.zapped, .restored) | add'
	"$top/build/bin/gmemtrace" latency --json "$@" "$fixture" 2>&1 | jq '.rows[] | select(.key == "exposure").count'
	"$top/build/bin/gmemtrace" export --format ndjson "$@" "$fixture" 2>&1 | jq -s '[.[] | select(.type == "change" and .inode != null).pages] | add'
}
paste -d + <(pages_of --pgoff 0-0xf) <(pages_of --pgoff 0x10-0x1f) <(pages_of --pgoff 0x20-0xffff) >"$test_work/parts"
is "$(awk -F + '{ print $1 + $2 + $3 }' "$test_work/parts" | paste -sd ' ')" "$(pages_of | paste -sd ' ')" 'pages by parts are those of the whole'
is "$(awk -F + '$1 < 10 || $2 < 10 || $3 < 10' "$test_work/parts")" '' 'and each part has some'
# Those of each inode are together those of all, whatever a record's place among others is.
for word in flame 'latency --json'; do
	read -ra words <<<"$word"
	for inode in g1 g2 g3 g4 all; do
		given=(--inode "$inode")
		[ "$inode" != all ] || given=()
		"$top/build/bin/gmemtrace" "${words[@]}" "${given[@]}" "$fixture" 2>/dev/null >"$test_work/$inode"
	done
	[ "$word" = flame ] || for inode in g1 g2 g3 g4 all; do
		jq -r '.causes[] | "\(.kind) \(.size) \(.operation) \(.count)"' "$test_work/$inode" | sort >"$test_work/lines"
		mv "$test_work/lines" "$test_work/$inode"
	done
	sum() {
		awk '{ at = $0; sub(/ [0-9]+$/, "", at); sum[at] += $NF } END { for (at in sum) print at, sum[at] }' "$@" | sort
	}
	is "$(cd "$test_work" && sum g1 g2 g3)" "$(cd "$test_work" && sum all)" "$word: inodes are together the whole"
	is "$(cat "$test_work/g4")" '' "$word: and one that is not there has none"
done
flushes_of() {
	"$top/build/bin/gmemtrace" latency --json "$@" "$fixture" | jq '.rows[] | select(.key == "flush").count'
}
is "$(flushes_of --pgoff 0-0xffff)" "$(flushes_of)" 'all pages are the whole'
succeeds 'some pages need fewer flushes' test "$(flushes_of --pgoff 0x10-0x17)" -lt "$(flushes_of)" -a "$(flushes_of --pgoff 0x10-0x17)" -gt 0
succeeds 'a screen of some pages says so' \
	sh -c "'$top/build/bin/gmemtrace' live --screen 100x24 --pgoff 0x10-0x17 '$fixture' | head -n 1 | grep -q ', pages 0x10-0x17 '"
for subcommand in 'live --batch' 'live --screen 80x24' flame latency 'export --format ndjson' 'why pfn:104'; do
	read -ra words <<<"$subcommand"
	for file in violated flushes; do
		"$top/build/bin/gmemtrace" "${words[@]}" --comm vmm "$test_work/$file.cap" >"$test_work/$file-one" 2>/dev/null
		"$top/build/bin/gmemtrace" "${words[@]}" --comm nobody "$test_work/$file.cap" >"$test_work/$file-none" 2>/dev/null
	done
	is "$(cat "$test_work"/*-one | cmp -s - <(cat "$test_work"/*-none) && echo alike)" '' "$subcommand heeds --comm"
done
is "$("$top/build/bin/gmemtrace" flame --html --by vm /nonexistent 2>&1; echo $?)" 'gmemtrace flame: --by has no meaning with --html, which has them all; see gmemtrace flame --help
64' 'flame --html --by'
is "$("$top/build/bin/gmemtrace" flame --svg --html /nonexistent 2>&1; echo $?)" 'gmemtrace flame: --svg and --html: give one of them; see gmemtrace flame --help
64' 'flame --svg --html'
# What is told of a pattern agrees with the pages that the line above it counts.
patterns() {
	"$top/build/bin/gmemtrace" check "$top/tests/unit/fixtures/$1.cap" | sed -n '/rule [0-9]*)$/{s/  (.*//;N;s/\n */: /p}'
}
is "$(patterns fault-range-exclusive-end | head -n 2)" 'declared-mismatch  4 pages: all 4 are the last page of a set_range to absent, the last that covered it
missed-page  13 pages: all 13, of 12 causes, are pages of a set_range to absent' 'pages of several causes'
is "$(patterns fault-table-before-xarray)" 'partial-apply  32 pages: they are all pages of a set_range to present that failed; with -12' 'pages of one cause'
is "$(patterns format-1)" 'missed-page  1 page: it is one of the pages of a set_range to present' 'one page'
"$top/build/bin/gmemtrace" check --require missed-page --allow stuck --json --json --junit=/dev/null /nonexistent 2>"$test_work/said"
is "$?: $(cat "$test_work/said")" '2: gmemtrace: /nonexistent: cannot open the capture: No such file or directory' 'what fits is taken'

end_tests print-plan
