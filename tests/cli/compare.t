#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check --base --patched: what is new, what was there before, and what is gone, whichever form the two have.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh disable=SC2016
. "$(dirname -- "$0")/../vm/lib.sh"

gmemtrace=$top/build/bin/gmemtrace
fixtures=$top/tests/unit/fixtures
down=$fixtures/fault-range-rounded-down.cap
swallowed=$fixtures/fault-xarray-error-swallowed.cap
clean=$fixtures/load-convert.cap
for name in down swallowed clean; do
	"$gmemtrace" check --json "${!name}" >"$test_work/$name.json" 2>/dev/null
done

# labels BASE PATCHED OPTION...: exit status, then each cause's label and rule
labels() {
	"$gmemtrace" check --base "$1" --patched "$2" --json "${@:3}" >"$test_work/said" 2>"$test_work/complaint"
	echo "$?" "$(jq -r '.causes[] | "\(.label) \(.rule)"' "$test_work/said" | sort | uniq -c | tr -s ' \n' ' ')"
}

for base in "$down" "$test_work/down.json"; do
	for patched in "$swallowed" "$test_work/swallowed.json"; do
		is "$(labels "$base" "$patched")" '1  1 gone foreign-page 2 new swallowed-error ' "${base##*.} and ${patched##*.}"
	done
	is "$(labels "$base" "$down")" '0  1 also-on-base foreign-page ' "the same twice (${base##*.})"
done
is "$(labels "$clean" "$down")" '1  1 new foreign-page ' 'nothing was wrong before'
is "$(labels "$down" "$clean")" '0  1 gone foreign-page ' 'nothing is wrong any more'
is "$(labels "$clean" "$clean")" '0 ' 'nothing ever was'
is "$(labels "$clean" "$down" --allow foreign-page:known)" '0 ' 'what is allowed is not compared'

# Of runs that are not whole.
jq '.verdict = "inconclusive" | .exit_status = 5 | .reasons = ["records were lost"]' "$test_work/clean.json" >"$test_work/unsure.json"
jq '.rules_not_judged += [{rule: "foreign-page", id: 4, reason: "its hook is off"}]' "$test_work/clean.json" >"$test_work/unjudged.json"
doubt() {
	jq -r '.causes[0].doubt' "$test_work/said"
}
is "$(labels "$test_work/unsure.json" "$down")" '1  1 new foreign-page ' 'an inconclusive base excuses nothing'
is "$(doubt)" 'the base is inconclusive: records were lost' 'and is said'
is "$(labels "$test_work/unjudged.json" "$down")" '1  1 new foreign-page ' 'nor one that judged less'
is "$(doubt)" 'the base did not judge this rule: its hook is off' 'which is said'
is "$(labels "$down" "$test_work/unsure.json")" '5  1 gone foreign-page ' 'without a verdict nothing is fixed'
is "$(doubt)" 'the patched one is inconclusive: records were lost' 'and that is said'
is "$(labels "$clean" "$down")$(doubt)" '1  1 new foreign-page null' 'else there is no doubt'
jq '.violations_unlisted = 5' "$test_work/down.json" >"$test_work/many.json"
is "$(labels "$test_work/down.json" "$test_work/many.json")" '5  1 also-on-base foreign-page ' 'what the patched one does not list may be new'
succeeds 'and that is said' grep -q '^not known: 5 causes that the patched one has are not listed: they may be new$' \
	<("$gmemtrace" check --base "$test_work/down.json" --patched "$test_work/many.json")
is "$(labels "$test_work/many.json" "$test_work/down.json")" '0  1 also-on-base foreign-page ' 'what the base does not list is not'
is "$(labels <(cat "$test_work/clean.json") "$down")" '1  1 new foreign-page ' 'a printed verdict may come through a pipe'

# Each format has the labels.
in_each() {
	local format=$1 words=$2
	"$gmemtrace" check --base "$down" --patched "$swallowed" "$format" >"$test_work/formatted"
	is "$?" 1 "$format"
	file_like "$test_work/formatted" "$words" "$format says what is new"
	file_like "$test_work/formatted" GONE "$format says what is gone"
}
in_each --text '^NEW  .*swallowed-error, all pages of a set_range to present'
in_each --tap '^not ok 1 - NEW swallowed-error'
in_each --github '^::error title=gmemtrace NEW::swallowed-error.*Let R be'
in_each --mail '^Subject: \[gmemtrace\] 2 NEW, 0 ALSO ON BASE, 1 GONE'
in_each --markdown '^- \*\*NEW\*\* swallowed-error'
is "$("$gmemtrace" check --base "$down" --patched "$down" --text | grep -c '^ALSO ON BASE  foreign-page')" 1 'and what was there before'
"$gmemtrace" check --base "$down" --patched "$swallowed" --mail | wc -l >"$test_work/lines"
succeeds 'a mail is short' test "$(cat "$test_work/lines")" -le 40
"$gmemtrace" check --base "$down" --patched "$swallowed" --junit "$test_work/junit.xml" >"$test_work/formatted"
is "$(python3 -c '
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
print(suite.get("tests"), suite.get("failures"), len(suite.findall("testcase")), len(suite.findall("*/failure")))' "$test_work/junit.xml")" '4 2 4 2' 'JUnit counts them'
"$gmemtrace" check --base "$down" --patched "$swallowed" --tap >"$test_work/formatted"
perl -MTAP::Parser -e '
	my $parser = TAP::Parser->new({ tap => do { local $/; <STDIN> } });
	$parser->run;
	print join(" ", $parser->tests_planned, scalar $parser->failed, scalar $parser->parse_errors), "\n"' <"$test_work/formatted" >"$test_work/parsed"
is "$(cat "$test_work/parsed")" '4 3 0' 'TAP is TAP'

# What is called the same, and lies where nothing lay before, is another cause.
jq '.patterns[0] += {step: 64, behind: 1}' "$test_work/down.json" >"$test_work/stepping.json"
jq '(.violations[] | select(.pattern == 0)) += {pgoff_first: 129, pgoff_last: 129}' "$test_work/down.json" >"$test_work/step.json"
jq '(.violations[] | select(.pattern == 0)) += {pgoff_first: 130, pgoff_last: 130}' "$test_work/down.json" >"$test_work/astray.json"
is "$(labels "$test_work/stepping.json" "$test_work/step.json")" '0  1 also-on-base foreign-page ' 'pages in the same step'
is "$(labels "$test_work/stepping.json" "$test_work/astray.json")" '1  1 gone foreign-page 1 new foreign-page ' 'and one beside it'
jq '.patterns[0].later_slots = true' "$test_work/down.json" >"$test_work/later.json"
is "$(labels "$test_work/later.json" "$test_work/later.json")" '0  1 also-on-base foreign-page ' 'pages behind the first slot'
is "$(labels "$test_work/later.json" "$test_work/down.json")" '1  1 gone foreign-page 1 new foreign-page ' 'and in it, too'
is "$(labels "$test_work/down.json" "$test_work/later.json")" '0  1 also-on-base foreign-page ' 'which the base had as well'

# It obeys its schema, and what does not is found.
"$gmemtrace" check --schema=comparison >"$test_work/schema"
obeys() {
	python3 - "$test_work/schema" "$1" <<-'P'
		import json, sys
		import jsonschema
		schema, text = (json.load(open(path)) for path in sys.argv[1:])
		validator = jsonschema.Draft202012Validator(schema)
		validator.check_schema(schema)
		print("\n".join(error.message[:200] for error in validator.iter_errors(text)), end="")
	P
}
labels "$down" "$swallowed" >"$test_work/labels"
is "$(obeys "$test_work/said")" '' 'it obeys its schema'
jq '.exit_status = 0' "$test_work/said" >"$test_work/broken"
is "$(obeys "$test_work/broken")" '1 was expected' 'what is new and passes does not'

# refused STATUS WORDS OPTION...
refused() {
	local status=$1 words=$2
	shift 2
	is "$("$gmemtrace" check "$@" 2>&1 >"$test_work/out"; echo "$?")" "$words
$status" "check $*"
}
refused 64 'gmemtrace check: --base and --patched: give both; see gmemtrace check --help' --base "$down"
refused 64 'gmemtrace check: --base and --patched are all that is judged: no FILE; see gmemtrace check --help' --base a --patched b c
refused 64 'gmemtrace check: --schema=x: give comparison, or nothing; see gmemtrace check --help' --schema=x
refused 2 'gmemtrace: /nonexistent: cannot open: No such file or directory' --base /nonexistent --patched "$down"
for option in --require=stuck --min-pages=1 --min-inodes=1 --allow-empty --allow=foreign-page --pgoff=1 --vm=1 --comm=x --inode=g1 --stuck=3s; do
	refused 64 "gmemtrace: ${option%%=*} has no meaning for a verdict that was printed ($test_work/clean.json): give the capture" \
		"$option" --base "$test_work/clean.json" --patched "$clean"
done
mkfifo "$test_work/pipe"
cat "$clean" >"$test_work/pipe" &
refused 2 "gmemtrace: $test_work/pipe: no verdict, and as a capture it cannot be read twice: give a file" --base "$test_work/pipe" --patched "$down"
wait
jq 'del(.patterns[].rule)' "$test_work/down.json" >"$test_work/nameless.json"
refused 2 "gmemtrace: $test_work/nameless.json: an older gmemtrace printed it, without patterns: give the capture" --base "$test_work/nameless.json" --patched "$down"
echo '{"schema": "another"}' >"$test_work/other.json"
refused 2 "gmemtrace: $test_work/other.json: neither a capture nor what check --json prints" --base "$test_work/other.json" --patched "$down"
jq 'del(.patterns)' "$test_work/clean.json" >"$test_work/older.json"
refused 2 "gmemtrace: $test_work/older.json: an older gmemtrace printed it, without patterns: give the capture" --base "$test_work/older.json" --patched "$down"
jq '.pages_only = {"pgoff_first": 0, "pgoff_last": 0, "left_out": 2}' "$test_work/clean.json" >"$test_work/narrow.json"
refused 2 "gmemtrace: $test_work/narrow.json: it is of some pages alone (--pgoff): give a verdict of all, or the capture" --base "$test_work/narrow.json" --patched "$down"
end_tests print-plan
