#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Debian's own Prometheus scrapes gmemtraced over captures: its alerts fire where a kernel was at fault or records
# were lost, and nowhere else.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
# shellcheck disable=SC2317 # wait_for calls them
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
command -v prometheus >/dev/null || skip_all 'prometheus is missing (lab/packages fleet installs it)'
command -v curl >/dev/null || skip_all 'curl is missing (lab/packages fleet installs it)'
fixtures=tests/unit/fixtures
pids=()
trap '[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null; rm -rf "$test_work"' EXIT

# traced NAME OPTION...: a gmemtraced that is scraped as NAME.
traced() {
	local name=$1 port
	shift
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		: >"$test_work/$name.out"
		build/bin/gmemtraced --metrics ":$port" "$@" >"$test_work/$name.out" 2>"$test_work/$name.log" &
		wait_for test -s "$test_work/$name.out" -o -s "$test_work/$name.log"
		grep -q 'in use' "$test_work/$name.log" || break
	done
	pids+=($!)
	echo "127.0.0.1:$port" >"$test_work/$name.address"
	printf -- '  - targets: [127.0.0.1:%s]\n    labels: {host: %s}\n' "$port" "$name" >>"$test_work/targets.yml"
}

# ask PATH: of Prometheus.
ask() {
	curl -sfG "http://$server/api/v1/$1" "${@:2}"
}

# value QUERY: of the one series that it gives.
value() {
	ask query --data-urlencode "query=$1" | jq -r '.data.result[0].value[1]'
}

# fires ALERT HOST
fires() {
	ask alerts | jq -e --arg alert "$1" --arg host "$2" \
		'.data.alerts[] | select(.labels.alertname == $alert and .labels.host == $host and .state == "firing")'
}

all_scraped() {
	[ "$(value 'count(gmemtrace_verdict{value="violated"})')" = 4 ]
}

traced good --replay $fixtures/gmem-folio-clean.cap
traced bad --replay $fixtures/gmem-folio-and.cap
traced orphans --replay $fixtures/orphans.cap
traced lossy --replay $fixtures/gmem-folio-clean.cap --simulate-loss 7
# No test waits for ten minutes; promtool does, in contrib/prometheus/alerts.test.yml.
sed 's/^\( *for:\) .*/\1 0s/' contrib/prometheus/alerts.yml >"$test_work/alerts.yml"
cat >"$test_work/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$test_work/alerts.yml]
scrape_configs:
- job_name: gmemtrace
  static_configs:
$(cat "$test_work/targets.yml")
END
server=127.0.0.1:$((32000 + RANDOM % 500))
prometheus --config.file="$test_work/prometheus.yml" --storage.tsdb.path="$test_work/data" \
	--web.listen-address="$server" --log.level=warn >"$test_work/prometheus.log" 2>&1 &
pids+=($!)

succeeds 'Prometheus scrapes four hosts' wait_for all_scraped || sed 's/^/# /' "$test_work"/*.log >&2
is "$(value 'min(up{job="gmemtrace"})')" 1 'all of them are up'
series=$(value 'max(scrape_samples_scraped{job="gmemtrace"})')
bytes=$(curl -s "http://$(cat "$test_work/good.address")/metrics" | wc -c)
succeeds "$series series of a host are at most 500" test "$series" -le 500
succeeds 'and more than none' test "$series" -gt 50
diag "$series series, $bytes bytes a scrape"
# 0.1 kB more or less: values have as many digits as they have.
kb=$(sed -n 's/.*\*\*[0-9]* series, \([0-9.]*\) KB\*\*.*/\1/p' doc/fleet.md)
succeeds "and of what size: $kb kB" awk -v said="$kb" -v bytes="$bytes" 'BEGIN { off = said - bytes / 1000; exit off > 0.1 || off < -0.1 }'
is "$(sed -n 's/^| series | \([0-9,]*\) |$/\1/p' doc/fleet.md | tr -d ,)" $((series * 10000)) 'and doc/fleet.md what 10,000 hosts have'
succeeds 'a kernel at fault: GmemtraceViolated' wait_for fires GmemtraceViolated bad
succeeds 'pages that are nobody'"'"'s: GmemtraceOrphans' wait_for fires GmemtraceOrphans orphans
succeeds 'lost records: GmemtraceInconclusive' wait_for fires GmemtraceInconclusive lossy
is "$(value 'sum(gmemtrace_lost_records_total{host="lossy"})')" 7 'which are counted'
is "$(ask alerts | jq -c '[.data.alerts[] | select(.labels.host == "good")]')" '[]' 'a control: of a good host nothing fires'
# A sum of buckets is a bucket of the sum where each host has the same bounds.
is "$(value 'min(count by (le) (gmemtrace_flush_duration_seconds_bucket))')" 4 'every bound of a histogram is there on every host'
is "$(value 'count(sum by (le) (gmemtrace_exposure_seconds_bucket))')" 14 'and there are no others: they add up'
is "$(ask rules | jq '[.data.groups[].rules[] | select(.annotations.runbook | length < 20)] | length')" 0 \
	'each alert says what to do'
is "$(ask rules | jq -r '[.data.groups[].rules[].health] | unique | join(" ")')" ok 'and can be evaluated'
kill "${pids[0]}"
succeeds 'a host that says nothing more: GmemtraceDown' wait_for fires GmemtraceDown good
end_tests print-plan
