# TAP for tests that run guests: source it, then plan, tests, end_tests. Run them under prove.
# shellcheck shell=bash
#
# guest [OPTION...] -- COMMAND... runs lab/run and leaves its results in
#   $status (exit status), $stdout, $stderr (files), $out (what the guest wrote below /out, console.log).

set -u
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
test_work=$(mktemp -d "${TMPDIR:-/tmp}/gmemtrace-test.XXXXXX")
trap 'rm -rf "$test_work"' EXIT
trap 'exit 1' INT TERM
test_number=0
tests_failed=0
stdout=$test_work/stdout
stderr=$test_work/stderr
out=$test_work/out
status=
with_less=

plan() {
	echo "1..$1"
}

# skip_all REASON: ends a test file that cannot run here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# skip COUNT REASON: for as many tests.
skip() {
	local left=$1
	while [ "$left" -gt 0 ]; do
		test_number=$((test_number + 1))
		left=$((left - 1))
		echo "ok $test_number # SKIP $2"
	done
}

# stock_there NAME: false, and a test skipped with the reason, where Debian's suites no longer have kernel NAME and it is
# not cached. Anything else that is wrong with it is the guest's to tell; kernels of the lab's own are always there.
stock_there() {
	[[ $1 == stock-* ]] || return 0
	"$top/lab/stock" "$1" >/dev/null 2>"$test_work/stock"
	[ $? = 3 ] || return 0
	skip 1 "$(tail -n 1 "$test_work/stock")"
	return 1
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

# note_failure LINE...: also where make check-vm ends with it, when a failure's own lines are long gone.
note_failure() {
	printf '%s\n' "$@" | sed "s/^/$(basename -- "$0"): /" >>"$top/build/check-vm.failed"
}

# The last guest's results, where a test on them has failed.
diag_guest() {
	diag "exit status $status; stdout, then stderr:"
	note_failure "  exit status $status, $(grep -E "$splat_pattern" "$out/console.log" 2>/dev/null | tail -n 1)" \
		"  $(grep -v '^lab/run: last console' "$stderr" | tail -n 1 | cut -c 1-200)"
	tail -n 20 "$stdout" | sed 's/^/#   /' >&2
	tail -n 40 "$stderr" | sed 's/^/#   /' >&2
}

pass() {
	test_number=$((test_number + 1))
	echo "ok $test_number - $1"
}

fail() {
	test_number=$((test_number + 1))
	tests_failed=$((tests_failed + 1))
	echo "not ok $test_number - $1"
	note_failure "not ok $test_number - $1"
}

# is GOT EXPECTED DESCRIPTION
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "got:      $1"
	diag "expected: $2"
	return 1
}

# succeeds DESCRIPTION COMMAND...
succeeds() {
	local description=$1
	shift
	if "$@" >"$test_work/command" 2>&1; then
		pass "$description"
		return 0
	fi
	fail "$description"
	diag "failed: $*"
	sed 's/^/#   /' "$test_work/command" >&2
	note_failure "  $(tail -n 1 "$test_work/command")"
	return 1
}

boot_guest() {
	rm -rf "$out"
	mkdir "$out"
	"$top/lab/run" --out "$out" "$@" >"$stdout" 2>"$stderr" </dev/null
	status=$?
}

# The kernel met a breakpoint of its own that it had taken away already: see lab/run --one-thread.
met_stale_code() {
	[ "$status" = 125 ] && grep -q 'Oops: int3:' "$out/console.log" 2>/dev/null
}

# The same where no breakpoint can be taken: in the entry code, that is a triple fault.
died_silently() {
	[ "$status" = 125 ] && grep -q 'died without a word' "$stderr"
}

# Nothing of ours has run yet when a kernel hangs before its init; emulated and on a busy host, old ones sometimes do.
never_came_up() {
	[ "$status" = 124 ] && grep -q 'the guest had not come up' "$stderr"
}

# The emulated timer did not tick while the kernel looked for it, before anything of ours has run.
timer_missed() {
	[ "$status" = 125 ] && grep -q "IO-APIC + timer doesn't work" "$out/console.log" 2>/dev/null
}

# CPUs of a guest that wait for each other while the host runs neither: only Debian's 6.1 was seen to die of it.
stock_stalled() {
	[[ " $* " == *" stock-"* ]] && { [ "$status" = 124 ] || [ "$status" = 125 ]; } &&
		grep -qE 'rcu: INFO|soft lockup|BUG: workqueue lockup' "$out/console.log" 2>/dev/null
}

# Guests with 6.1 die or hang without a word of what the emulator does with code that is patched (lab/run --help):
# hooks, modules and CPUs come and go here. Which code it was a dead guest does not tell.
dies_of_patches() {
	[[ " $* " == *" stock-6.1"[\ -]* ]]
}

# All of them are the emulator's: once more then, where they cannot be, and a second time is a finding.
guest() {
	if dies_of_patches "$@"; then
		set -- --one-thread "$@"
	fi
	boot_guest "$@"
	if met_stale_code; then
		diag 'QEMU ran code that the kernel had patched before (Oops: int3); booting again'
	elif died_silently || never_came_up || timer_missed || stock_stalled "$@"; then
		diag "the guest hung or died (status $status); booting again; its last lines:"
		tail -n 5 "$stderr" | sed 's/^/#   /' >&2
	else
		return 0
	fi
	boot_guest --one-thread "$@"
}

# wait_for COMMAND...: until it succeeds, a minute at most.
wait_for() {
	local tries=600
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# status_is EXPECTED DESCRIPTION
status_is() {
	is "$status" "$1" "$2" || diag_guest
}

# stdout_is TEXT DESCRIPTION, stderr_is TEXT DESCRIPTION: trailing newlines do not count.
stdout_is() {
	is "$(cat "$stdout")" "$1" "$2" || diag_guest
}

stderr_is() {
	is "$(cat "$stderr")" "$1" "$2" || diag_guest
}

# file_like FILE EXTENDED-REGEX DESCRIPTION
file_like() {
	if grep -qE -e "$2" -- "$1"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "no line of $1 matches: $2"
	diag_guest
	return 1
}

stdout_like() {
	file_like "$stdout" "$@"
}

stderr_like() {
	file_like "$stderr" "$@"
}

# json_is FILE FILTER EXPECTED DESCRIPTION: the filter's output (jq -r) is EXPECTED.
json_is() {
	local got
	got=$(jq -r "$2" "$1" 2>&1) || got="jq: $got"
	is "$got" "$3" "$4" || diag_guest
}

# json_ok FILE FILTER DESCRIPTION: the filter's last value is neither false nor null. FILE may be a pipe: it is read once.
json_ok() {
	local text=$test_work/json
	cat -- "$1" >"$text"
	# Of nothing jq -e says that all is well.
	if [ -s "$text" ] && jq -e "$2" "$text" >/dev/null 2>"$test_work/jq"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "jq -e '$2' of $1: $(jq -c . "$text" 2>&1 | head -c 2000)"
	diag_guest
	return 1
}

# stderr_of NAME: what the case said there, but for that a free was missed: a program that interrupts itself is not
# run, which is counted, and rare.
stderr_of() {
	grep -vE '^gmemtrace: lost [0-9]+, missed-free: ' "$out/$1.stderr" 2>&1
}

# case_is NAME STATUS STDERR-REGEX DESCRIPTION: exit status and one line on stderr, "" for none.
case_is() {
	local name=$1 expected=$2 pattern=$3 description=$4 got lines
	got=$(cat "$out/$name.status" 2>/dev/null)
	lines=$(stderr_of "$name" | grep -c .)
	if [ "$got" = "$expected" ] &&
		if [ -z "$pattern" ]; then
			[ "$lines" = 0 ]
		else
			[ "$lines" = 1 ] && grep -qE -e "$pattern" "$out/$name.stderr"
		fi; then
		pass "$name: $description"
		return
	fi
	fail "$name: $description"
	diag "status $got, expected $expected; stderr, expected one line like /$pattern/:"
	sed 's/^/#   /' "$out/$name.stderr" >&2
}

# require_build FILE TARGET: what `make TARGET` makes is there, and jq, or nothing is run.
require_build() {
	command -v jq >/dev/null || skip_all 'jq is missing (Debian package: jq)'
	[ -x "$top/$1" ] || skip_all "$1 is missing: run make $2"
}

# build_with_less: $with_less, for guests that run a command with less privilege.
build_with_less() {
	with_less=$test_work/with-less
	"${CC:-gcc}" -static -O2 -o "$with_less" "$top/tests/vm/with-less.c" || skip_all 'no compiler that links statically'
}

# What a kernel says when it has found something wrong.
readonly splat_pattern='WARNING: |BUG: |Oops|Kernel panic|INFO: (possible|suspicious|task|rcu)|INFO: lockdep|soft lockup|blocked for more than|Bad page state|general protection|possible circular locking|sleeping function called|KASAN|refcount_t:'

# no_splat DESCRIPTION: the console of the last guest has none.
no_splat() {
	if [ ! -s "$out/console.log" ]; then
		fail "$1"
		diag "no console log in $out"
	elif grep -qE "$splat_pattern" "$out/console.log"; then
		fail "$1"
		grep -E -A 25 "$splat_pattern" "$out/console.log" | head -n 60 | sed 's/^/#   /' >&2
	else
		pass "$1"
	fi
}

# Prints the plan when there was none before, and ends the file with a status.
end_tests() {
	[ "${1-}" != print-plan ] || plan "$test_number"
	[ "$tests_failed" -eq 0 ] || exit 1
	exit 0
}
