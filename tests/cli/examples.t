#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The examples of the manual run: those on a capture as they stand, those for CI with a gmemtrace that judges a
# capture where it would trace.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh disable=SC2016
. "$(dirname -- "$0")/../vm/lib.sh"

make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
cd "$test_work" || exit 1

# section PAGE NAME: its lines that are typed, as a reader sees them
section() {
	mandoc -T ascii -O width=400 "$1" | col -bx | awk -v name="$2" '
		/^[^ ]/ { inside = $0 == name; next }
		inside && sub(/^           /, "") { sub(/^# /, ""); print }'
}

# runs PAGE LINE: with a status that a report can have, and something said
runs() {
	local name
	while read -r name; do
		[ -e "$name" ] || cp violated.cap "$name"
	done < <(grep -oE '[a-z-]+\.cap' <<<"$2")
	PATH=$top/build/bin:$PATH bash -o pipefail -c "$2" >said 2>complaint
	case $? in
	0 | 1 | 5) pass "$1: $2" ;;
	*)
		fail "$1: $2"
		sed 's/^/# /' complaint
		;;
	esac
}

for page in "$top"/man/*.[1578]; do
	while read -r line; do
		[[ $line == *.cap* && $line != *' -- '* && $line != *record* ]] || continue
		runs "${page##*/}" "$line"
	done < <(section "$page" EXAMPLES)
done

# What CMD does is in a capture: the tracer's part is left out.
mkdir bin
cat >bin/gmemtrace <<'END'
#!/bin/bash
options=()
for word in "$@"; do
	shift
	case $word in
	-o) traced=1 && continue ;;
	gmem.cap) [ -n "$traced" ] && [ $# -gt 1 ] && cp "$TRACED" gmem.cap && continue ;;
	--) break ;;
	esac
	options+=("$word")
done
[ -z "$traced" ] || options+=(gmem.cap)
exec "$REAL" "${options[@]}"
END
chmod +x bin/gmemtrace

# in_ci CAPTURE: the plain shell of the manual; its status, and the mail's first line
in_ci() {
	rm -f gmem.*
	section "$top/man/gmemtrace-check.1" 'IN CI' | sed -n '/^gmemtrace/,$p' >ci
	REAL=$top/build/bin/gmemtrace TRACED=$1 PATH=$PWD/bin:$PATH bash ci >said 2>&1
	echo "$? $(head -n 1 gmem.mail 2>/dev/null)"
}

is "$(in_ci violated.cap)" '1 Subject: [gmemtrace] violated: freed-absent at g3:0x2 (unknown)' 'in CI: violated fails, with a mail'
is "$(in_ci consistent.cap)" '0 ' 'consistent passes'
head -c -100 consistent.cap >cut.cap
is "$(in_ci cut.cap)" '5 ' 'nothing proved is no pass'
is "$(grep -c '<testsuite ' gmem.xml)" 1 'with its JUnit'
section "$top/man/gmemtrace-check.1" 'IN CI' | sed '/^gmemtrace/,$d' >workflow.yaml
sed -n 's/^    gmemtrace/gmemtrace/p' workflow.yaml >said
REAL=$top/build/bin/gmemtrace TRACED=violated.cap PATH=$PWD/bin:$PATH GITHUB_STEP_SUMMARY=summary.md bash -e said >log 2>&1
is "$? $(grep -c '^::error' log) $(grep -c '^## gmemtrace: violated' summary.md)" '1 1 1' 'the step of the workflow fails, annotates, sums up'
end_tests print-plan
