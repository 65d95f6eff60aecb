#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What why says to pages that are none, and that it tells what there is; from captures.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

capture=$top/tests/unit/fixtures/format-2.cap
why=("$top/build/bin/gmemtrace" why)

# refused STATUS WORDS PAGE [FILE]: one line that has WORDS.
refused() {
	local status=$1 words=$2
	shift 2
	"${why[@]}" "$@" >"$test_work/out" 2>"$test_work/said"
	is "$?" "$status" "$words: exit status"
	is "$(wc -l <"$test_work/said") $(wc -c <"$test_work/out")" '1 0' 'one line, and nothing told'
	succeeds "$words" grep -qF -- "$words" "$test_work/said"
}

page='give INODE:PGOFF such as g6:0x104 or g6:0x100-0x107, pfn:0x6e5c, or PID:ADDRESS'
refused 64 'which page?' --all
refused 64 "g6: $page" g6 "$capture"
refused 64 "g6:7-3: $page" g6:7-3 "$capture"
refused 64 'a story is told of 4096 pages at most' g6:0-0x1000 "$capture"
refused 2 'g99:1: no such inode in this capture: there are 6, g1 to g6' g99:1 "$capture"
refused 2 's1:1: that inode is g1 here (rfc3)' s1:1 "$capture"
refused 2 'g1:0x44c: outside: g1 has 1100 pages, 0 to 0x44b' g1:0x44c "$capture"
refused 2 'pfn:0xffffff: no inode is known to have had it' pfn:0xffffff "$capture"
refused 2 'No such file' g1:0 "$test_work/none.cap"
refused 2 "4194304:0x1000: cannot read its mappings: No such process" 4194304:0x1000
refused 2 "$$:0x1000: nothing is mapped there" $$:0x1000
address=0x$(sed -n '1s/-.*//p' /proc/$$/maps)
refused 2 'neither guest_memfd nor memfd_secret memory' "$$:$address"

refused 2 'that is an address of the kernel' $$:0xffff888000001000
if [ "$(id -u)" = 0 ]; then
	# A process that is somebody else's is not told of: without privilege it looks as if it were.
	chmod 755 "$test_work"
	setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "${why[@]}" "$$:$address" \
		>"$test_work/out" 2>"$test_work/said"
	is "$?" 2 'a mapping that is not for us: exit status'
	succeeds 'and what it takes' grep -qF 'that needs CAP_SYS_PTRACE, or to be its user' "$test_work/said"
fi

# A VM's private page, by where its process has what the guest shares of it.
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
slots=$test_work/slots.cap
no_slot='no VM of that process has a memory slot with guest_memfd there in this capture: give INODE:PGOFF or pfn:N'
refused 2 "100:0x7f00000fffff: $no_slot" 100:0x7f00000fffff "$slots"
refused 2 "100:0x7f0000104000: $no_slot" 100:0x7f0000104000 "$slots"
refused 2 "101:0x7f0000100000: $no_slot" 101:0x7f0000100000 "$slots"
refused 2 "100:0x7f0000100000: $no_slot" 100:0x7f0000100000 "$capture"
for page in 7f0000100000:2 7f0000101fff:3 7f0000103fff:5; do
	"${why[@]}" "100:0x${page%:*}" "$slots" >"$test_work/out" 2>"$test_work/said"
	is "$(cat "$test_work/said")" "gmemtrace: 100:0x${page%:*}: guest frame 0x10$((${page#*:} - 2)) of its VM, private" \
		'which guest frame an address is of'
	is "$(cat "$test_work/out")" "$("${why[@]}" "g3:${page#*:}" "$slots")" 'and the story of its page'
done
for words in "unmappable:what is there is the process's own memory" 'mappable:of a guest_memfd that can be mapped'; do
	"${why[@]}" 100:0x7f0000100000 "$test_work/${words%%:*}.cap" >"$test_work/out" 2>"$test_work/said"
	succeeds "${words%%:*}: whose memory the guest has while it is shared" \
		grep -qF "guest frame 0x100 of its VM, shared now: ${words#*:}" "$test_work/said"
done
"$top/build/bin/gmemtrace" export --format capture --redact -o "$test_work/redacted.cap" "$slots" 2>/dev/null
refused 2 'no VM of that process has a memory slot' 100:0x7f0000100000 "$test_work/redacted.cap"

for file in "$capture" "$top/tests/unit/fixtures/format-1.cap"; do
	"${why[@]}" g1:0x44b "$file" >"$test_work/out" 2>&1
	is "$?" 0 "a page that nobody touched is told of: ${file##*/}"
	succeeds 'and said to be' grep -q 'gone with g1' "$test_work/out"
done
head -c 400 "$slots" >"$test_work/cut.cap"
"${why[@]}" g3:0 "$test_work/cut.cap" >"$test_work/out" 2>"$test_work/said"
is "$? $(tail -n 1 "$test_work/said")" '2 gmemtrace: g3:0: no such inode in this capture: there is no inode at all' \
	'a capture of which nothing is left'
succeeds 'a pipe is read, too' sh -c "cat '$capture' | '${why[0]}' why g1:0x10 /dev/stdin >'$test_work/pipe'"
"${why[@]}" g1:0x10 "$capture" >"$test_work/file"
is "$(cat "$test_work/pipe")" "$(cat "$test_work/file")" 'and says the same'
is "$("${why[@]}" g1:0x10 --json "$capture" | jq -r .schema)" gmemtrace-story-1 '--json'
sh -c "('${why[0]}' why g1:0x10 --json '$capture'; echo \$? >'$test_work/head') | true"
is "$(cat "$test_work/head")" 0 '| head is no error'

# violated FILE: "RULE INODE:PGOFF", of each rule's first violation whose page is known.
violated() {
	"$top/build/bin/gmemtrace" check --json "$1" 2>/dev/null |
		jq -r '[.violations[] | select(.pgoff_first != null)] | unique_by(.rule)[] | "\(.rule) \(.inode):\(.pgoff_first)"'
}

# spared FILE: a page of an inode in which others are violated, and it is not.
spared() {
	"$top/build/bin/gmemtrace" check --json "$1" 2>/dev/null | jq -r '
		.violations as $all | $all[0].inode as $inode |
		first(range(64) as $page | select($all | any(.inode == $inode and .pgoff_first <= $page and $page <= .pgoff_last) | not) | "\($inode):\($page)")'
}

# Captures of kernels with a fault: a page of each rule's has a story that ends in it, and one beside it has not.
faults=0
for file in "$top"/tests/unit/fixtures/fault-*.cap; do
	name=${file##*/fault-} name=${name%.cap}
	pages=$(violated "$file")
	faults=$((faults + 1))
	succeeds "$name: somebody is accused" test -n "$pages"
	while read -r rule page; do
		"${why[@]}" "$page" "$file" >"$test_work/out"
		succeeds "$name: $page is $rule" grep -q "VIOLATED:.*$rule" "$test_work/out"
		succeeds 'in words, too' grep -qE "^violated +$rule" "$test_work/out"
		is "$("${why[@]}" --json "$page" "$file" | jq --arg rule "$rule" \
			'(.steps | length > 1) and any(.violations[]; .rule == $rule)')" true 'and for machines'
	done <<<"$pages"
	page=$(spared "$file")
	[ -n "$page" ] || continue # all of that inode's are violated
	is "$("${why[@]}" --json "$page" "$file" | jq -c '.violations')" '[]' "$name: $page is as it should be"
done
is "$((faults >= 5))" 1 'of at least five faults'

# Captures of gmem-load's scenarios: the first page of the largest inode that anything happened to has its story.
for file in "$top"/tests/unit/fixtures/load-*.cap "$top/tests/unit/fixtures/gmem-folio-clean.cap"; do
	name=${file##*/} name=${name%.cap}
	inode=$("$top/build/bin/gmemtrace" check --json "$file" 2>/dev/null | jq -r '.per_inode | max_by(.pages).inode')
	"${why[@]}" --json "$inode:0-0x1f" "$file" >"$test_work/range"
	page=$(jq -r 'first(.steps[] | select(.pgoff)).pgoff' "$test_work/range")
	label=$(jq -r 'first(.steps[] | select(.pgoff)).label' "$test_work/range")
	"${why[@]}" "$inode:$page" "$file" >"$test_work/out"
	succeeds "$name: $inode:$page was $label" grep -qE "^ +[0-9]+\.[0-9]{6}  $label  .*task [0-9]+, CPU [0-9]" "$test_work/out"
	succeeds 'what it is now is said' grep -qE '^now +[a-z]' "$test_work/out"
	is "$("${why[@]}" --json "$inode:$page" "$file" | jq -c '.violations')" '[]' 'and nobody is accused'
done

is "$("${why[@]}" g2:0 "$top/tests/unit/fixtures/fault-never-ends.cap" | sed -n 's/^now *//p')" \
	'in the direct map, as every page of a plain guest_memfd must be' 'what is declared by its kind is known'

# What a filter leaves out is not said to be missing.
is "$("${why[@]}" g1:0x10 --vm 5 "$top/tests/unit/fixtures/load-convert.cap" 2>&1 | wc -l)" 1 'nothing passes: one line'

# A flush has the stack that it came from, where that was recorded.
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
"${why[@]}" g3:0 "$test_work/flushes.cap" >"$test_work/out" 2>/dev/null
is "$(grep -A1 '  flushed ' "$test_work/out" | sed -n 's/^ *in //p')" 'flush_tlb_all < set_direct_map_valid_noflush < fault' 'the stack of a flush'
is "$(sed -n 's/^stacks *//p' "$test_work/out")" 'of 1 of 1 flush' 'is counted'
is "$("${why[@]}" --json g3:0 "$test_work/flushes.cap" 2>/dev/null | jq -r '.steps[] | select(.event == "flushed").stack')" \
	'fault;set_direct_map_valid_noflush;flush_tlb_all' 'and in JSON'
is "$("${why[@]}" g1:0x10 "$top/tests/unit/fixtures/load-convert.cap" | sed -n 's/^stacks *//p')" \
	'none in this trace (record --flushes takes those of flushes)' 'where there is none, it is said what takes them'
end_tests print-plan
