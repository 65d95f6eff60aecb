#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmemtraced over captures: who is told of violations, by HTTP, by a file, by a command and by the log; scrapers that
# hang, flood and talk nonsense; losses that are simulated. Nothing here needs a kernel that is traced.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
# shellcheck disable=SC2317 # wait_for and succeeds call them
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
trap '' PIPE
daemon=build/bin/gmemtraced
bad=tests/unit/fixtures/gmem-folio-and.cap
good=tests/unit/fixtures/gmem-folio-clean.cap
log=$test_work/log
running=
trap '[ -z "$running" ] || kill -KILL "$running"; rm -rf "$test_work"' EXIT

# start OPTION...: a gmemtraced that judges.
start() {
	: >"$stdout"
	: >"$log"
	"$daemon" "$@" >"$stdout" 2>"$log" &
	running=$!
	wait_for test -s "$stdout" -o -s "$log"
}

# start_http OPTION...: one that serves metrics, at a $port that is free.
start_http() {
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		start --metrics "127.0.0.1:$port" "$@"
		grep -q 'Address already in use' "$log" || break
		wait "$running"
	done
	wait_for scraped 'gmemtrace_updated_timestamp_seconds [1-9]'
}

# refuses OPTION...: its status; what it says is in $stderr.
refuses() {
	timeout 60 "$daemon" "$@" >"$stdout" 2>"$stderr"
	echo $?
}

# finish: ends it; its status is in $status.
finish() {
	kill "$running"
	wait "$running"
	status=$?
	running=
}

# request TEXT: what is answered to these bytes.
request() {
	{ exec 9<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
	{ printf '%b' "$1" >&9; } 2>/dev/null
	timeout 30 cat <&9
	exec 9>&-
}

scrape() {
	request "GET ${1-/metrics} HTTP/1.0\r\n\r\n"
}

# scraped PATTERN: whether a line of the metrics matches.
scraped() {
	scrape 2>/dev/null | tr -d '\r' | grep -qE "^$1"
}

answer_is() {
	is "$(scrape "$1" | head -n 1 | tr -d '\r')" "HTTP/1.1 $2" "$3"
}

test_http() {
	start_http --replay $bad
	succeeds 'the verdict of a capture is served' scraped 'gmemtrace_verdict\{value="violated"\} 1$'
	succeeds 'and what each rule accuses' scraped 'gmemtrace_violation_pages_total\{rule="applied-mismatch"\} 24$'
	succeeds 'and that nobody walked the direct map' scraped 'gmemtrace_rule_judged\{rule="orphan-absent"\} 0$'
	succeeds 'what it costs' scraped 'gmemtrace_process_cpu_seconds_total\{process="judge"\} [0-9.e-]*[1-9]'
	succeeds 'and that of a capture nobody owns sensors' scraped 'gmemtrace_process_cpu_seconds_total\{process="owner"\} 0$'
	succeeds 'as Prometheus wants it' scraped 'Content-Type: text/plain; version=0.0.4'
	is "$(scrape | grep -c '^gmemtrace_nothing')" 0 'a control: what is not there is not found'
	succeeds 'at most 500 series' test "$(scrape | grep -c '^gmemtrace_')" -le 500
	answer_is / '200 OK' 'the root says where'
	answer_is /nowhere '404 Not Found' 'there is nothing else'
	answer_is HTTP://localhost/metrics '200 OK' 'as to a proxy, too'
	answer_is http://localhost/nowhere '404 Not Found' 'where there is nothing else either'
	is "$(request 'POST /metrics HTTP/1.0\r\nContent-Length: 1000000000\r\n\r\nabc' | head -n 1 | tr -d '\r')" \
		'HTTP/1.1 405 Method Not Allowed' 'and nothing to change'
	succeeds 'who is asked is no root and has no capability' judge_is_nobody
	test_http_hostile
	finish
	is "$status" 0 'SIGTERM ends it, whoever hangs there'
}

judge_is_nobody() {
	local judge
	judge=$(pgrep -P "$running")
	if [ "$(id -u)" = 0 ]; then
		! grep -qE '^[UG]id:.*\s0(\s|$)' "/proc/$judge/status" || return 1
	fi
	grep -qE '^Seccomp:\s+2$' "/proc/$judge/status" && grep -qE '^NoNewPrivs:\s+1$' "/proc/$judge/status" &&
		! grep -E '^Cap(Inh|Prm|Eff|Amb):' "/proc/$judge/status" | grep -qv '0000000000000000$'
}

test_http_hostile() {
	local hanging=() fd noise
	noise=$(head -c 30000 /dev/zero | tr '\0' a)
	request "GET /$noise HTTP/1.0\r\n\r\n" >"$test_work/long" 2>/dev/null
	is "$(grep -cE '^HTTP/1.1 4(14|13|31) ' "$test_work/long")" 1 'a request of 30 kB is refused'
	{ head -c 20000 /dev/urandom >"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null
	succeeds 'noise does no harm' scraped 'gmemtrace_verdict'
	for _ in {1..40}; do
		{ exec {fd}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || continue
		{ printf 'GET /metr' >&"$fd"; } 2>/dev/null
		hanging+=("$fd")
	done
	succeeds 'forty that hang have their time, and then others are served' wait_for scraped 'gmemtrace_verdict'
	for fd in "${hanging[@]}"; do
		exec {fd}>&-
	done
	for _ in {1..200}; do scrape; done >"$test_work/flood" 2>/dev/null
	succeeds 'after a flood, too' wait_for scraped 'gmemtrace_verdict'
}

test_addresses() {
	start --replay $good --metrics "unix:$test_work/metrics.sock"
	wait_for test -S "$test_work/metrics.sock"
	is "$(perl -MIO::Socket::UNIX -e 'for (1..600) { my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
		print $s "GET /metrics HTTP/1.0\r\n\r\n"; my @l = <$s>;
		if (grep { /consistent"} 1/ } @l) { print "consistent\n"; exit } select undef, undef, undef, 0.1 }' \
		"$test_work/metrics.sock")" consistent 'a unix socket'
	finish
	succeeds 'which goes with it' test ! -e "$test_work/metrics.sock"
	if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
		start --replay $good --metrics "[::1]:$((20000 + RANDOM % 12000))"
		succeeds 'version 6 of the protocol' grep -q 'judges' "$stdout"
		finish
	else
		skip 1 'this machine has no ::1'
	fi
	start_http --replay $good
	is "$(refuses --replay $good --metrics ":$port")" 4 'where another listens it cannot run'
	is "$(cat "$stderr")" "gmemtraced: --metrics :$port: cannot listen there: Address already in use" 'and says so'
	finish
	start --replay $good --metrics "$test_work/file.prom"
	succeeds 'a file' wait_for grep -q 'verdict{value="consistent"} 1' "$test_work/file.prom"
	finish
	for wrong in unix: '10.0.0:9464' '[::1:9464' '::1:9464' 'host.example:9464' ':0' ':65536' '[127.0.0.1]:80' ':'; do
		is "$(refuses --replay $good --metrics "$wrong") $(grep -c 'give HOST:PORT' "$stderr")" '64 1' "no address: $wrong"
	done
}

logged_thrice() {
	[ "$(grep -c "$1" "$log")" = 3 ]
}

test_command() {
	cat >"$test_work/told" <<-END
		#!/bin/sh
		echo "\$GMEMTRACE_RULE \$GMEMTRACE_INODE \$GMEMTRACE_PGOFF \$GMEMTRACE_PAGES \$*" >>$test_work/told.out
		exit 9
	END
	chmod +x "$test_work/told"
	start --replay $bad --on-violation "$test_work/told a\\ b"
	wait_for grep -q freed-absent "$test_work/told.out"
	wait_for logged_thrice 'ended with status 9'
	finish
	is "$(cat "$test_work/told.out")" "applied-mismatch g2 0x0-0xf 16 a b
applied-mismatch g2 0x18-0x1f 8 a b
freed-absent g2 0x0-0x1f 32 a b" 'a command is told of each violation'
	file_like "$log" '^gmemtraced: violation: applied-mismatch g2:0x0-0xf, VM 110 \(gmem-load\), 16 pages: Page 0x0 ' \
		'so is the log'
	file_like "$log" "^gmemtraced: --on-violation: $test_work/told ended with status 9$" 'and of how the command fared'
	rm "$test_work/told.out"
	start --replay $good --on-violation "$test_work/told" --metrics "$test_work/ok.prom"
	wait_for grep -q 'verdict{value="consistent"} 1' "$test_work/ok.prom"
	finish
	succeeds 'where nothing is wrong nobody is told' test ! -e "$test_work/told.out"
	is "$(cat "$log")" '' 'nor anything logged'
	is "$(refuses --replay $good --on-violation told) $(cat "$stderr")" \
		"64 gmemtraced: --on-violation: told: give the command's whole path, from / on; see gmemtraced --help" \
		'PATH is not searched'
}

# In the journal a violation is critical, and only where standard error is what systemd gave.
test_journal() {
	exec 8>"$log"
	JOURNAL_STREAM=$(stat -L -c '%d:%i' /dev/fd/8) "$daemon" --replay $bad --judge >"$stdout" 2>&8 &
	running=$!
	exec 8>&-
	wait_for grep -q freed-absent "$log"
	finish
	is "$(grep -c '^<2>violation: ' "$log")" 3 'the journal is told by priority'
	export JOURNAL_STREAM=1:1
	start --replay $bad --judge
	unset JOURNAL_STREAM
	wait_for grep -q freed-absent "$log"
	finish
	is "$(grep -c '^gmemtraced: violation: ' "$log")" 3 'whatever is not it has our name'
}

test_loss() {
	start_http --replay $good --simulate-loss 7
	succeeds 'a loss that is simulated makes the verdict inconclusive' \
		wait_for scraped 'gmemtrace_verdict\{value="inconclusive"\} 1$'
	succeeds 'and is counted' scraped 'gmemtrace_lost_records_total\{cause="ring-full"\} 7$'
	finish
	start_http --replay $good
	succeeds 'a control: without it there is none' wait_for scraped 'gmemtrace_verdict\{value="consistent"\} 1$'
	finish
	is "$(refuses --replay $good --simulate-loss 0)" 64 'none is no loss'
}

test_refused() {
	is "$(refuses --replay $good --socket "$test_work/s")" 64 'of a capture nothing is served'
	is "$(refuses --replay $good --ring 16mb)" 64 'nor traced'
	cp "$good" "$test_work/kept.cap"
	is "$(refuses --replay "$test_work/kept.cap" --metrics "$test_work/kept.cap") $(cmp "$good" "$test_work/kept.cap")" '64 ' \
		'a capture is not written over'
	is "$(refuses --replay "$test_work/none.cap" --judge) $(cat "$stderr")" \
		"2 gmemtraced: $test_work/none.cap: cannot open the capture: No such file or directory" 'a capture that is not there is said once'
	is "$(refuses --replay tests/cli/daemon.t) $(cat "$stderr")" \
		'2 gmemtraced: tests/cli/daemon.t: not a gmemtrace capture' 'and what is none'
	is "$(refuses --replay $good --metrics '') $(cat "$stderr")" \
		'64 gmemtraced: --metrics: give an address or a file; see gmemtraced --help' 'a file has a name'
	is "$(refuses --replay $good --metrics "$test_work/no/file.prom") $(cat "$stderr")" \
		"2 gmemtraced: --metrics $test_work/no/file.prom: cannot write: No such file or directory" 'and stands where there is a directory'
	is "$(refuses --replay $good --metrics "unix:$test_work/$(printf 'a%.0s' {1..120})") $(grep -c -- '--socket' "$stderr")" '2 0' \
		'a path that is too long for a socket is no matter of --socket'
	is "$(refuses --socket '') $(cat "$stderr")" '64 gmemtraced: --socket: a socket has a path; see gmemtraced --help' 'nor is none a path'
	is "$(refuses --ring 3mb) $(cat "$stderr")" \
		'64 gmemtraced: --ring 3mb: give a power of two from 64kb to 2gb, such as 16mb; see gmemtraced --help' 'a ring has bounds'
	is "$(refuses --release-limit 1mb) $(cat "$stderr")" \
		'64 gmemtraced: --release-limit 1mb: give a size from 16mb to 16tb; see gmemtraced --help' 'so has what is read'
	is "$(refuses --replay $good --metrics "$test_work") $(cat "$stderr")" \
		"2 gmemtraced: --metrics $test_work: cannot write: Is a directory" 'which it is not itself'
}

# A service manager tells all of its processes at a time: what dies of that is no news, and it was the end that was asked for.
test_end() {
	local judge
	for _ in 1 2 3 4 5 6 7 8; do
		start --replay $good --metrics "$test_work/end.prom"
		wait_for grep -q verdict "$test_work/end.prom"
		judge=$(pgrep -P "$running")
		# The first may have seen to the other.
		kill "$running" "$judge" 2>/dev/null
		wait "$running"
		echo "$?" >>"$test_work/ends"
		cat "$log" >>"$test_work/ends"
		rm "$test_work/end.prom"
	done
	running=
	is "$(sort -u "$test_work/ends")" 0 'who judges may be told to end as well'
	start_http --replay $good --judge
	succeeds 'no judge has died' wait_for scraped 'gmemtrace_judge_deaths_total 0$'
	kill "$(pgrep -P "$running")"
	succeeds 'a control: alone it has died' wait_for grep -q 'the process that judges has died' "$log"
	succeeds 'and the next one says so' wait_for scraped 'gmemtrace_judge_deaths_total 1$'
	finish
}

# A limit of files' sizes stops a file, and nobody else.
test_file_limit() {
	mkfifo "$test_work/said"
	cat "$test_work/said" >"$log" &
	(
		ulimit -f 0
		exec "$daemon" --replay $good --metrics "$test_work/limit.prom" 2>"$test_work/said"
	) >/dev/null &
	running=$!
	succeeds 'a file that may not be written is said' \
		wait_for grep -q -- "--metrics $test_work/limit.prom: cannot write: File too large" "$log"
	finish
	is "$status" 0 'and is not the end'
	is "$(compgen -G "$test_work/limit.prom*")" '' 'nothing of it is left'
}

test_http
test_addresses
test_command
test_journal
test_loss
test_refused
test_end
test_file_limit
end_tests print-plan
