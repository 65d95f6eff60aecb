#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What others' parsers read in a verdict: TAP with its YAML, JUnit; and that both say what JSON says.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh disable=SC2016
. "$(dirname -- "$0")/../vm/lib.sh"

gmemtrace=$top/build/bin/gmemtrace
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
capture=$test_work/violated.cap

# tap_words FILE: the words of the violations, as perl's own reader of TAP finds them
tap_words() {
	perl -MTAP::Parser -e '
		my $parser = TAP::Parser->new({ tap => do { local $/; <STDIN> } });
		while (my $result = $parser->next) {
			print "unknown: ", $result->raw, "\n" if $result->is_unknown;
			next unless $result->is_yaml;
			print $_->{words}, "\n" for @{ $result->data->{violations} };
		}
		print "error: $_\n" for $parser->parse_errors;' <"$1"
}

# junit_words FILE: the same of JUnit, behind the sums, which must be those of its cases
junit_words() {
	python3 - "$1" <<-'E'
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
		cases = suite.findall("testcase")
		for sum_, found in ("tests", cases), ("failures", suite.findall("*/failure")), ("skipped", suite.findall("*/skipped")):
		    if int(suite.get(sum_)) != len(found):
		        print(f"{sum_} is {suite.get(sum_)}, and there are {len(found)}")
		if sum(float(case.get("time")) for case in cases) != float(suite.get("time")):
		    print("the times do not add up")
		for failure in suite.findall("*/failure"):
		    print(failure.text.split(": ", 1)[1].strip())
	E
}

"$gmemtrace" check --tap --junit "$test_work/junit.xml" "$capture" >"$test_work/tap"
is "$?" 1 'it is violated'
words=$("$gmemtrace" check --json "$capture" | jq -r '.violations[].words')
is "$(tap_words "$test_work/tap")" "$words" 'TAP says so'
is "$(junit_words "$test_work/junit.xml")" "$words" 'and JUnit'
is "$("$gmemtrace" check --mail "$capture" | head -n 1)" 'Subject: [gmemtrace] violated: freed-absent at g3:0x2 (unknown)' 'and the mail'
"$gmemtrace" check --tap --junit "$test_work/junit.xml" "$test_work/consistent.cap" >"$test_work/tap"
is "$?$(tap_words "$test_work/tap")$(junit_words "$test_work/junit.xml")" 0 'consistent says nothing'
echo before >"$test_work/summary"
GITHUB_STEP_SUMMARY=$test_work/summary "$gmemtrace" check --github "$capture" >"$test_work/said"
is "$?: $(cat "$test_work/summary")" "1: before
$("$gmemtrace" check --markdown "$capture")" "a step's summary is added to"
GITHUB_STEP_SUMMARY=$test_work/none "$gmemtrace" check --text "$capture" >"$test_work/said"
is "$([ ! -e "$test_work/none" ] && echo none)" none 'by that format alone'
GITHUB_STEP_SUMMARY=/nonexistent/summary "$gmemtrace" check --github "$test_work/consistent.cap" 2>"$test_work/said"
is "$?: $(cat "$test_work/said")" '2: gmemtrace: /nonexistent/summary: cannot write: No such file or directory' 'and it must be there'
"$gmemtrace" check --tap "$capture" | sed '/^      words/s/"$//' >"$test_work/tap"
tap_words "$test_work/tap" 2>/dev/null | grep -qFx -- "$words"
is "$?" 1 'a quote that is not closed is not read over'
is "$("$gmemtrace" check --json "$top/tests/unit/fixtures/fault-flush-handler-idle.cap" |
	jq -c '.violations[0].events[-1] | [.type, .pgoff_first, .pfn_first]')" '["stale-read",null,27668]' 'a frame that is read is no offset'
is "$("$gmemtrace" check --github "$top/tests/unit/fixtures/fault-flush-handler-idle.cap" | sed -n '1s/: all 17 .*//p')" \
	'::error title=gmemtrace stale-tlb (17 pages)::g1:0x4f, g3:0x17, g1:0xd, g1:0x27, g3:0xc, g3:0x11, g3:0x16, g3:0x8 and 1 more' \
	'an annotation names each place once'
end_tests print-plan
