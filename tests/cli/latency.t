#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmemtrace latency and flame of captures: merged exactly, bad input refused, lines that a strict parser takes, and
# a picture that is XML. The examples of the manual among them.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

tracer=$top/build/bin/gmemtrace
cd "$test_work" || exit 1
cp "$top/tests/unit/fixtures/format-2.cap" monday.cap
cp monday.cap tuesday.cap

# refuses WORDS ARGUMENT...: a usage error of one line with WORDS.
refuses() {
	local words=$1
	shift
	"$tracer" "$@" >"$stdout" 2>"$stderr" </dev/null
	status=$?
	is "$status $(grep -c . "$stderr") $(grep -cF -e "$words" "$stderr")" '64 1 1' "gmemtrace $*: refused" || diag_guest
}

status=0
"$tracer" latency --json monday.cap >one.json 2>"$stderr"
"$tracer" latency --json --merge monday.cap tuesday.cap >both.json 2>>"$stderr"
json_ok one.json '.flushes > 20 and .schema == "gmemtrace-latency-1" and (.every_flush | not)' 'figures of a capture'
is "$(jq -c '[.rows[] | [.key, .count, .sum_ns, .min_ns, .max_ns, .p50_ns, .buckets]]' both.json)" \
	"$(jq -c '[.rows[] | [.key, .count * 2, .sum_ns * 2, .min_ns, .max_ns, .p50_ns, [.buckets[] | [.[0], .[1] * 2]]]]' one.json)" \
	'merged with itself: twice of all, the same quantiles'
is "$(jq '[.rows[] | select(.key | startswith("kind.")) | .count] | add' one.json)" "$(jq .flushes one.json)" \
	'the kinds add up to all flushes'
is "$(jq '[.rows[] | select(.count != ([.buckets[][1]] | add))] | length' one.json)" 0 'and the buckets to their rows'
json_ok one.json '.missing | join(" ") | test("record --flushes")' 'what is not in it is said'
"$tracer" latency monday.cap >"$stdout" 2>"$stderr"
stdout_like '^flush 1 page  +[0-9]+ ' 'rows for people'

stdout_like '^[0-9.]+ m?s of flushing in .*, 0 lost, 0 missed$' 'and a line that sums up, what was lost in it'
for more in none.cap /dev/null; do
	"$tracer" latency --json --merge monday.cap $more >"$stdout" 2>"$stderr"
	is "$? $(wc -c <"$stdout") $(grep -c . "$stderr")" '2 0 1' "merged with what cannot be read ($more): no sum of the others"
done

# Of a file that has room for a part, as on a full disk.
(
	trap '' XFSZ
	ulimit -f 1
	"$tracer" flame --svg -o part.svg monday.cap
) >"$stdout" 2>"$stderr"
is "$? $(stat -c %s part.svg) $(grep -c 'cannot write all of it: File too large' "$stderr")" '2 1024 1' 'why a report could not be written whole is said'

refuses 'give CPUs such as' latency --cpu 3-1 monday.cap
refuses 'give CPUs such as' latency --cpu x monday.cap
refuses 'give at least two' latency --merge monday.cap
refuses 'one FILE is enough' latency monday.cap tuesday.cap
refuses 'give 1/N' flame --stacks 2 monday.cap
refuses 'has no meaning for a capture' latency --stacks 1/8 monday.cap
refuses 'give 1/N' record --flushes --stacks 1/0
refuses 'give --flushes, too' record --stacks 1/4
refuses 'give --flushes, too' record --summary --stacks 0
refuses 'give exposure or all' latency --summary=some
refuses 'has no meaning for a capture' latency --summary monday.cap
refuses 'has no meaning for a capture' latency --changes monday.cap
refuses '--cpu is of each flush' latency --summary --cpu 1
refuses '--stacks is of each flush' latency --stacks 1/8 --summary=exposure
refuses 'leave --flushes and --changes out' record --summary --flushes
refuses 'leave --vm out' latency --summary --vm 1
refuses 'leave --page-free out' record --summary --page-free

for by in stack vm cpu kind initiator; do
	"$tracer" flame --by "$by" monday.cap >flush.folded
	is "$(wc -l <flush.folded) $(LC_ALL=C grep -cvE '^([!-:<-~]+;)*[!-:<-~]+ [1-9][0-9]*$' flush.folded)" \
		"$(wc -l <flush.folded) 0" "flame --by $by: every line is frames and a number"
	succeeds "flame --by $by: there are some" test -s flush.folded
done
"$tracer" flame --weight wait monday.cap >"$stdout" 2>"$stderr"
status=$?
status_is 2 'no answers were recorded: nothing to weigh'
stderr_like 'record --flushes' 'and what would record them is said'
"$tracer" flame --svg -o flush.svg monday.cap
is "$(grep -c '<title>' flush.svg) $(grep -c '<script' flush.svg)" "$(grep -o '</title>' flush.svg | wc -l) 0" 'a picture without scripts'
succeeds 'which is XML' python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' flush.svg

# Two runs held against each other.
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" . || exit 1
if [ -s "$top/build/page.html" ]; then
	for capture in violated consistent; do
		"$tracer" flame --html $capture.cap >page.html 2>/dev/null
		is "$? $(grep -o '"verdict": *"[a-z]*"' page.html | grep -c $capture)" '0 1' "the page of what is $capture says so"
	done
else
	skip 2 'this build has no page: npm was missing'
fi
"$tracer" flame --diff flushes.cap slower.cap >diff.folded 2>/dev/null
is "$? $(awk 'NF != 3 || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/' diff.folded | wc -l)" '0 0' 'flame --diff: frames and two numbers'
is "$(awk '/vfree/ { print ($3 == 3 * $2) }' diff.folded | sort -u)" 1 'three times as much a flush'
for two in 'flushes.cap slower.cap 1 0' 'slower.cap flushes.cap 0 1' 'flushes.cap flushes.cap 0 0'; do
	read -r before after more less <<<"$two"
	"$tracer" flame --diff --svg -o diff.svg "$before" "$after" 2>/dev/null
	is "$(grep -c 'fill="#ff[0-9a-e]' diff.svg | awk '{ print ($1 > 0) }') $(grep -cE 'fill="#([0-9a-e].)\1ff"' diff.svg | awk '{ print ($1 > 0) }')" \
		"$more $less" "$before, $after: what is red and what blue"
	succeeds 'which is XML' python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' diff.svg
done
"$tracer" flame --diff flushes.cap monday.cap >"$stdout" 2>"$stderr"
status=$?
status_is 2 'captures that were not made alike are refused'
stderr_like 'not to be compared: the second has flushes of the direct map' 'with the reason'
is "$(wc -c <"$stdout")" 0 'and nothing is written'
refuses '--diff is for two captures' flame --diff monday.cap
none='None of the CPUs that were asked about was interrupted by a flush.'
is "$("$tracer" latency --cpu 77 flushes.cap 2>/dev/null | grep -cFx "$none") $("$tracer" latency --cpu 0 flushes.cap 2>/dev/null | grep -cFx "$none")" \
	'1 0' '--cpu: that nobody interrupted them is said'
refuses 'one FILE is enough' flame --diff monday.cap tuesday.cap flushes.cap
end_tests print-plan
