#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# --help, the manual and the completion say the same of every option and subcommand; the Makefile's
# help names targets that are there.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

PATH=$top/build/bin:$PATH
. "$top/completion/gmemtrace"

# options_of PROGRAM [SUBCOMMAND]: long ones, by --help.
options_of() {
	"$@" --help | grep -oE -- '^ *(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
}

# terms_of PAGE...: what they list.
terms_of() {
	grep -hE '^\.(It|Op) ' "$@"
}

# term_has OPTION TERMS
term_has() {
	grep -qE -- "Fl .*\\\\-${1#--}( |$)|[,|] \\\\-${1#--}( |$)" <<<"$2"
}

# completed WORD...: what may stand for the last one.
completed() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_gmemtrace
	printf '%s\n' "${COMPREPLY[@]}"
}

# agree NAME PAGE PROGRAM [SUBCOMMAND]: its options are in PAGE or gmemtrace(1), and completed.
agree() {
	local name=$1 option terms offered undocumented='' incomplete=''
	terms=$(terms_of "$2" "$top/man/gmemtrace.1")
	shift 2
	offered=$(completed "$@" --)
	for option in $(options_of "$@"); do
		case $option in
		--help | --usage | --version) ;; # in prose: each has them
		*) term_has "$option" "$terms" || undocumented+=" $option" ;;
		esac
		[[ $'\n'$offered$'\n' == *$'\n'$option$'\n'* ]] || incomplete+=" $option"
	done
	is "$undocumented" '' "$name: every option is in the manual"
	is "$incomplete" '' "$name: and is completed"
}

# documented PAGE PROGRAM [SUBCOMMAND]: options that a page's list has and --help does not.
documented() {
	local page=$1 option options
	shift
	options=$(options_of "$@")
	# shellcheck disable=SC2013
	for option in $(grep -E '^\.It Fl' "$page" | grep -oE '\\-[a-z][a-z-]+' | sort -u); do
		[[ $'\n'$options$'\n' == *$'\n'--${option#\\-}$'\n'* ]] || printf ' %s' "$option"
	done
}

subcommands=$(gmemtrace --help | sed -nE 's/^  ([a-z]+) +.*/\1/p')
succeeds 'there are subcommands' test "$(wc -w <<<"$subcommands")" -ge 5
is "$(completed gmemtrace '' | grep -v '^--' | sort | paste -sd ' ')" \
	"$(sort <<<"$subcommands" | paste -sd ' ')" 'the subcommands are completed'
for subcommand in $subcommands; do
	page=$top/man/gmemtrace-$subcommand.1
	if ! succeeds "$subcommand has a page" test -f "$page"; then
		continue
	fi
	agree "$subcommand" "$page" gmemtrace "$subcommand"
	is "$(documented "$page" gmemtrace "$subcommand")" '' "$subcommand: its page names no other"
	succeeds "$subcommand is in gmemtrace(1)" grep -q "Xr gmemtrace-$subcommand 1" "$top/man/gmemtrace.1"
done
agree gmemtraced "$top/man/gmemtraced.8" gmemtraced
is "$(documented "$top/man/gmemtrace.1" gmemtrace record)" '' 'gmemtrace(1) names no other option'
is "$(documented "$top/man/gmemtraced.8" gmemtraced)" '' 'gmemtraced(8) names no other option'

# A control: what is in no help is neither found nor offered.
term_has --explode "$(terms_of "$top"/man/*.1)"
is "$?" 1 'the manual does not have what is not there'
is "$(completed gmemtrace check --explode)" '' 'and nothing is completed to it'
is "$(completed gmemtrace check --ring '')" '' 'a size is not completed'
cd "$top/completion" || exit 1
is "$(completed gmemtrace check --junit gmem)" gmemtrace 'a file is'
is "$(completed gmemtrace check ../tests/unit/fixtures/format-)" \
	"$(printf '%s\n' ../tests/unit/fixtures/format-*.cap)" 'captures are'
is "$(completed gmemtrace check ../tests/unit/fixtures/REA)" ../tests/unit/fixtures/README.md 'and where there is none, files'
is "$(completed gmemtrace check ../tests/unit/fixtures/format-2.cap --inode g | paste -sd ' ')" 'g1 g2 g3 g4 g6' \
	"names are those of the capture's inodes that had pages"
is "$(cd "$test_work" && cp "$top/tests/unit/fixtures/format-2.cap" gmemtrace.cap && completed gmemtrace why g3)" g3: \
	'or of what was recorded last'
is "$(completed gmemtrace check --inode '')" '' 'without one there are none'
is "$(completed gmemtrace flame --weight n)" ns 'and a choice'
is "$(completed gmemtrace export --format p)" perfetto 'each of its own'
is "$(completed gmemtrace why g1:0x10 ../tests/unit/fixtures/format-2)" ../tests/unit/fixtures/format-2.cap 'why takes a capture, too'
is "$(completed gmemtrace check --base ../tests/unit/fixtures/format-2)" ../tests/unit/fixtures/format-2.cap 'as do options'
is "$(completed gmemtrace check --require missed-page,never-f)" missed-page,never-flushed 'rules have names'
is "$(completed gmemtrace latency --summary = e) $(completed gmemtrace latency --summary e)" 'exposure ' \
	'what an option may take is joined to it'

# shellcheck disable=SC2013
for target in $(make -C "$top" --no-print-directory help | grep -oE '^make [a-z-]+' | cut -d ' ' -f 2); do
	succeeds "make $target is a target" make -C "$top" --no-print-directory --dry-run "$target"
done
end_tests print-plan
