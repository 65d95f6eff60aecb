#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Alerts and dashboard ask for metrics that there are; and what Prometheus' own tool says of all of them.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
METRICS_OUT=$test_work/metrics.prom build/tests/test_metrics >"$stdout" 2>&1
succeeds 'metrics of a capture' test -s "$test_work/metrics.prom"

# asked FILE...: metrics that it names and nobody writes.
asked() {
	grep -ohE 'gmemtrace_[a-z_]+' "$@" | sort -u | while read -r name; do
		grep -qE "^${name}[{ ]" "$test_work/metrics.prom" || echo "$name"
	done
}
is "$(asked contrib/prometheus/alerts.yml)" '' 'the alerts ask for what there is'
is "$(asked contrib/prometheus/dashboard.json)" '' 'and so does the dashboard'
succeeds 'which is JSON' jq -e '.panels | length == 8' contrib/prometheus/dashboard.json
echo 'gmemtrace_verdicts' >"$test_work/wrong"
is "$(asked "$test_work/wrong")" gmemtrace_verdicts 'a control: what is not there is found'
# Alerts that a test has fire: one that has none may ask for what never is.
fired() {
	awk '/alertname: / { name = $NF } /exp_alerts:/ { print name }' "$1" | sort -u
}
is "$(fired contrib/prometheus/alerts.test.yml)" "$(sed -n 's/^ *- alert: //p' contrib/prometheus/alerts.yml | sort)" \
	'each alert has a test in which it fires'

is "$(sed -n 's/.*\*\*\([0-9]*\) series, .*/\1/p' doc/fleet.md)" "$(grep -vc '^#' "$test_work/metrics.prom")" \
	'what is planned for a fleet is planned with as many series as a host has'

# untold FILE...: what is to be typed, as far as its first option, and is in no --help.
untold() {
	local command option
	grep -ohE 'gmemtraced?( [a-z]+)? --[a-z-]+' "$@" | sort -u | while read -r command; do
		option=${command##* } command=${command% *}
		# shellcheck disable=SC2086 # a subcommand is a word of its own
		build/bin/$command --help 2>/dev/null | grep -qE -- "(^|[ ,])$option([=, ]|\$)" || echo "$command $option"
	done
}
is "$(untold contrib/prometheus/alerts.yml)" '' 'what the runbooks tell to type can be typed'
echo 'a greater ring (gmemtrace --ring), and gmemtrace check --since 1h' >"$test_work/wrong"
is "$(untold "$test_work/wrong")" 'gmemtrace --ring' 'a control: what cannot is found'
if command -v promtool >/dev/null; then
	succeeds 'promtool has nothing to complain of' promtool check metrics <"$test_work/metrics.prom"
	sed 's/# TYPE gmemtrace_flush_duration_seconds histogram/# TYPE gmemtrace_flush_duration_seconds gauge/' \
		"$test_work/metrics.prom" >"$test_work/wrong.prom"
	promtool check metrics <"$test_work/wrong.prom" >"$stdout" 2>&1
	is "$?" 3 'and would: a control'
	succeeds 'the alerts are rules' promtool check rules contrib/prometheus/alerts.yml
	succeeds 'and fire when they should' promtool test rules contrib/prometheus/alerts.test.yml
else
	skip 4 'promtool is missing (Debian package: prometheus)'
fi
end_tests print-plan
