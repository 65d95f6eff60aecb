#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# gmemtrace-rules(7) shows of each rule what is printed of a kernel that breaks it: the same as is printed today of
# the capture that the page names, in a comment before it. PROOFS_WRITE=1 writes them into the page.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

page=$top/man/gmemtrace-rules.7

# Of these there is no small capture: whoever has one gives it, and takes the rule from here.
readonly without='split non-global'
# Of cost alone: no mail has them.
readonly notes='split redundant-flush long-exposure non-global'

# told CAPTURE RULE [PAGES]: what a mail says of it, which is to be the first thing that it tells, of all pages or of PAGES.
told() {
	"$top/build/bin/gmemtrace" check --mail ${3:+--pgoff "$3"} "$top/tests/unit/fixtures/$1.cap" 2>/dev/null |
		awk -v rule="$2" '
			NR < 3 { next }
			NR == 3 { if ($1 != rule) print "the first is not " rule ": " $0; next }
			!/^ / { exit }
			{ sub(/^  /, ""); print }'
}

# noted CAPTURE RULE: what the verdict says of its first note of the rule, its words in lines as short as those of a mail.
noted() {
	"$top/build/bin/gmemtrace" check --verbose "$top/tests/unit/fixtures/$1.cap" |
		awk -v rule="$2" '/^note: / { noted = $2 == rule } /^$/ && noted { exit } noted && /^ /' >"$test_work/note"
	[ -s "$test_work/note" ] || echo "there is no note of $2"
	sed -n 's/^    \([^ ]\)/\1/p' "$test_work/note" | fmt -w 73
	sed -n 's/^      /  /p' "$test_work/note"
}

# printed CAPTURE RULE [PAGES]
printed() {
	case " $notes " in
	*" $2 "*) noted "$@" ;;
	*) told "$@" ;;
	esac | sed 's/\\/\\e/g; s/^[.'\'']/\\\&&/'
}

# shown: the page, each example as it is printed now.
shown() {
	local line words
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line == '.\" printed of '* ]] || continue
		read -r -a words <<<"$line"
		while IFS= read -r line && [ "$line" != '.Bd -literal' ]; do
			printf '%s\n' "$line"
		done
		printf '.Bd -literal\n%s\n.Ed\n' "$(printed "${words[@]:3:3}")"
		while IFS= read -r line && [ "$line" != .Ed ]; do
			:
		done
	done <"$page"
}

shown >"$test_work/page"
[ -z "${PROOFS_WRITE-}" ] || cp "$test_work/page" "$page"
is "$(diff "$page" "$test_work/page")" '' 'each example is what is printed of its capture'
is "$(sed -n 's/^\.It Sy \([a-z-]*\) Pq [0-9]*$/\1/p' "$page" | sort |
	comm -23 - <({ sed -n 's/^\.\\" printed of [^ ]* \([^ ]*\).*/\1/p' "$page"; echo "$without" | tr ' ' '\n'; } | sort))" '' \
	'each rule has one, or is named here'
is "$(sed -n 's/^\.\\" printed of [^ ]* \([^ ]*\).*/\1/p' "$page" | grep -xF -e "${without// /$'\n'}")" '' 'and not both'
succeeds 'a rule that is not the first is said to be none' \
	grep -q '^the first is not exposed' <(printed fault-lock-left exposed)
succeeds 'nor is there a note where there is none' \
	grep -q '^there is no note of split' <(printed fault-lock-left split)
end_tests print-plan
