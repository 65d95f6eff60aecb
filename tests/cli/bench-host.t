#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make bench-host where perf counts kernel instructions, which few virtual machines let it: with a perf, a tracer and
# workloads that are scripts and say known numbers. What a page costs is what they differ by.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
bin=$test_work/bin
mkdir "$bin"

# script NAME: a program of that name, read from here.
script() {
	{ echo '#!/bin/sh'; cat; } >"$bin/$1"
	chmod +x "$bin/$1"
}

# Traced it costs 1500 instructions and 300 ns a page, else 1000 and 100; each round of 10 pages, and the cold one.
script perf <<'END'
to=/dev/stderr
while :; do
	case $1 in
	-o) to=$2; shift 2 ;;
	-e) shift 2 ;;
	-* | stat) shift ;;
	*) break ;;
	esac
done
"$@" || exit
echo "# started" >"$to"
case $PERF in
counts) echo "$(((1000 + ${TRACED:-0} * 500) * 10 * 6)),,instructions:k,1000,100.00,," >>"$to" ;;
*) echo '<not supported>,,instructions:k,0,100.00,,' >>"$to" ;;
esac
END
script first-touch <<'END'
for round in 1 2 3 4 5; do echo "$round $((100 + ${TRACED:-0} * 200))"; done
END
cp "$bin/first-touch" "$bin/page-free"
script gmemtrace <<'END'
case $1 in
latency) echo '{"rows": [{"key": "flush", "p50_ns": 12, "p99_ns": 34}, {"key": "exposure", "p50_ns": 56, "p99_ns": 78}]}' ;;
record)
	echo 'capture: 1000 records, 0 lost' >&2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
	[ $# = 0 ] || { shift; TRACED=1 exec "$@"; }
	;;
esac
END

# host HOW: runs it with a perf that counts, or does not.
host() {
	PERF=$1 PATH=$bin:$PATH BENCH_BIN=$bin BENCH_PAGES=10 BENCH_ROUNDS=5 tests/bench/host "$test_work/host.json" \
		>"$stdout" 2>"$stderr"
	status=$?
}

# figure NAME: its value in the JSON.
figure() {
	jq -r ".[] | select(.name == \"$1\") | \"\\(.value) \\(.unit)\"" "$test_work/host.json"
}

host counts
is "$status" 0 'where perf counts it ends well'
is "$(figure record_full)" '500 kernel instructions/page' 'what tracing adds to a page is the difference'
is "$(figure page_free)" '500 kernel instructions/page' 'to a page that is freed as well'
is "$(figure record_full_wall)" '200 ns/page' 'wall time is told beside it'
is "$(figure record_full_ratio)" '3 of wall time without' 'and what it is of the time without'
is "$(figure exposure_p99)" '78 ns' 'percentiles are those of their rows'
is "$(grep -c 'not measured: kernel instructions' "$stdout")" 0 'nothing is said to be missing that is there'
host nothing
is "$status $(grep -c 'not measured: kernel instructions *perf counts no' "$stdout")" '0 1' 'where it counts nothing, that is said'
is "$(figure record_full)" '' 'and no figure made of it'
is "$(figure record_full_wall)" '200 ns/page' 'wall time is left'
end_tests print-plan
