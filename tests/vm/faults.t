#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A defect that was really posted is caught, by its rule, at its very page; the
# same run without it is consistent. `make faults` does it for all of them.
# shellcheck disable=SC2016 source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

# From lines "PAGE set_range ends, pages FIRST-LAST, result 0": those whose LAST is not PAGE.
not_the_last() {
	local page event last
	while read -r page event; do
		last=${event##*0x}
		[ "$event" != null ] || { echo "$page has no end of a request"; continue; }
		[ $((16#${last%%,*})) = "$page" ] || echo "$page $event"
	done
}

# The seed's off-by-one: the last page of a conversion, and no other, is missing in the xarray. Where a
# later request asks that xarray before anybody reads it, that request misses the page. What the page
# tables then show is the same cause, and is not accused again.
test_exclusive_end() {
	guest -- sh -c 'gmemtrace check --json -- gmem-load convert --pages 64 >/out/verdict.json'
	status_is 0 'without the defect: consistent'
	guest --fault range-exclusive-end -- sh -c \
		'gmemtrace check --json -o /out/run.cap -- gmem-load convert --pages 64 >/out/verdict.json'
	status_is 1 'range-exclusive-end: violated'
	json_ok "$out/verdict.json" '[.violations[].rule] | unique | . == ["declared-mismatch", "missed-page"]' \
		'by its rule, and where nobody read in time by the request that missed the page'
	json_ok "$out/verdict.json" '[.violations[] | select(.words | contains("What follows from it was seen, too"))] | length > 0' \
		'which say that the page tables follow'
	json_ok "$out/verdict.json" '.violations[0] | .rule == "declared-mismatch" and .pgoff_first == .pgoff_last and .count == 1' \
		'at single pages'
	is "$(jq -r '.violations[] | select(.rule == "declared-mismatch") | "\(.pgoff_last) \([.events[].event | select(test("^set_range .*ends"))] | last)"' \
		"$out/verdict.json" | not_the_last)" '' 'each the last of a request'
}

# The host was dirty before the tool came: pages that are absent and nobody's are found all the same, by a
# walk of the direct map alone, and by a capture of one that is judged elsewhere.
test_orphans() {
	cat >"$test_work/fleet" <<-'END'
		#!/bin/sh
		# value NAME
		value() {
			sed -n "s/^gmemtrace_$1 //p" /tmp/fleet.prom 2>/dev/null
		}
		# reaches NAME NUMBER FILE: waits until that metric does, a minute at most, and keeps all of them.
		reaches() {
			tries=60
			until [ "$(value "$1" | grep . || echo 0)" -ge "$2" ]; do
				tries=$((tries - 1))
				[ "$tries" -gt 0 ] || return 1
				sleep 1
			done
			cp /tmp/fleet.prom "/out/$3.prom"
		}
		gmemtraced --map=5s --metrics /tmp/fleet.prom >/dev/null 2>/out/fleet.log &
		daemon=$!
		reaches map_walks_total 1 first
		gmem-load punch --pages 64 >/dev/null
		reaches orphan_pages $(($(value orphan_pages) + 64)) second
		reaches map_walks_total $(($(value map_walks_total) + 2)) third
		tries=30
		until [ "$(pidof gmemtraced | wc -w)" = 4 ] || [ "$tries" = 0 ]; do
			tries=$((tries - 1))
			sleep 1
		done
		echo "$tries" >/out/tries
		kill $daemon
		wait $daemon
		echo $? >/out/fleet.status
	END
	guest --fault orphan-left --add "$test_work/fleet" -- sh -c '
		gmemtrace map >/out/before; echo $?
		sh /bin/fleet
		gmem-load punch --pages 64 >/dev/null
		gmemtrace map --json >/out/map.json; echo $?
		gmemtrace record --map -o /out/run.cap -- gmem-load secretmem --pages 16 --rounds 1 >/dev/null; echo $?'
	stdout_is '0
1
0' 'orphan-left: map finds nothing before, and orphans after'
	json_ok "$out/map.json" '.not_judged == null and .passes > 1 and .orphan_pages >= 64 and
		([.orphans[].pages] | add) == .orphan_pages and ([.orphans[].owner] | unique) == ["nobody"]' \
		'each of them, in pages that nobody is known to own'
	"$top/build/bin/gmemtrace" map --json "$out/run.cap" >"$test_work/map.json"
	# The sensors prove their hooks by a guest_memfd of their own, whose page is left as well.
	json_ok "$test_work/map.json" ".orphan_pages >= $(jq .orphan_pages "$out/map.json")" 'a capture has them as well'
	"$top/build/bin/gmemtrace" check --json "$out/run.cap" >"$test_work/verdict.json"
	json_is "$test_work/verdict.json" '[.violations[] | "\(.rule) \(.pages)"] | join(" ")' \
		"orphan-absent $(jq .orphan_pages "$test_work/map.json")" 'and is judged by them, and by nothing else'
	test_orphans_watched
}

# metric FILE NAME
metric() {
	sed -n "s/^gmemtrace_$2 //p" "$out/$1.prom"
}

# By gmemtraced, while they come: an orphan is told of once, and is there for as long as walks find it.
test_orphans_watched() {
	local judged='rule_judged{rule="orphan-absent"}' accused='violation_pages_total{rule="orphan-absent"}'
	is "$(metric first "$judged") $(metric third "$judged")" '1 1' 'gmemtraced judges them as well'
	succeeds 'few before, and more with those that came' \
		test "$(metric second orphan_pages)" -ge $(($(metric first orphan_pages) + 64))
	is "$(metric third orphan_pages)" "$(metric second orphan_pages)" 'which stay'
	is "$(metric third "$accused")" "$(metric third orphan_pages)" 'each is accused once, in however many walks'
	succeeds 'of which there were more' test "$(metric third map_walks_total)" -gt "$(metric second map_walks_total)"
	succeeds 'the log has each walk that found more' \
		test "$(grep -c 'violation: orphan-absent, [1-9][0-9]* pages\{0,1\}: ' "$out/fleet.log")" -ge 2
	is "$(grep -v -e ': connected$' -e ': gone$' -e ': violation: ' "$out/fleet.log")" '' 'and nothing else but what led to them'
	is "$(cat "$out/fleet.status")" 0 'it ends in order'
	succeeds 'and who walks ends with each walk' test "$(cat "$out/tries")" -gt 0
}

# What `make faults` goes by: each fault names its trigger, and what is found, in a form that is compared.
test_headers() {
	local patch
	for patch in "$top"/kernel/faults/*.patch "$top"/kernel/folio/faults/*.patch; do
		sed '/^--- a\//q' "$patch" | awk -v patch="${patch##*/}" '
			/^trigger: ./ { triggers++ }
			/^(rule|note):/ {
				rules++
				if ($0 !~ /^(rule|note): [a-z-]+ ([gs][0-9]+|-|\*) (some|perhaps|[0-9]+ pages|[?]|0x[0-9a-f]+(-0x[0-9a-f]+)?(,(0x[0-9a-f]+(-0x[0-9a-f]+)?|[?]))*)$/)
					print patch ": " $0
			}
			/^reason: ./ { rules++ }
			END { if (triggers != 1 || !rules) print patch ": a trigger and rules" }'
	done
}

is "$(test_headers)" '' 'each fault names its trigger, its rules and their pages'
test_exclusive_end
test_orphans
end_tests print-plan
