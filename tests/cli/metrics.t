#!/bin/bash
# What Prometheus' own tool says of the metrics of a capture, and of the alerts on them.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

command -v promtool >/dev/null || skip_all 'promtool is missing (Debian package: prometheus)'
cd "$top" || exit 1
METRICS_OUT=$test_work/metrics.prom build/tests/test_metrics >"$stdout" 2>&1
succeeds 'metrics of a capture' test -s "$test_work/metrics.prom"
succeeds 'promtool has nothing to complain of' promtool check metrics <"$test_work/metrics.prom"
sed 's/# TYPE gmemtrace_flush_duration_seconds histogram/# TYPE gmemtrace_flush_duration_seconds gauge/' \
	"$test_work/metrics.prom" >"$test_work/wrong.prom"
promtool check metrics <"$test_work/wrong.prom" >"$stdout" 2>&1
is "$?" 3 'and would: a control'
succeeds 'the alerts are rules' promtool check rules contrib/prometheus/alerts.yml
succeeds 'and fire when they should' promtool test rules contrib/prometheus/alerts.test.yml
end_tests print-plan
