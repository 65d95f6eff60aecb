#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the command line does to files: a capture is never written over by a report about it, options that mean nothing
# for one are refused, and a stream that is closed is no other file.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

tracer=$top/build/bin/gmemtrace
capture=$test_work/a.cap
cp "$top/tests/unit/fixtures/format-2.cap" "$capture"
ln "$capture" "$test_work/hard.cap"
ln -s a.cap "$test_work/soft.cap"
cd "$test_work" || exit 1

# refuses WORDS ARGUMENT...: a usage error of one line with WORDS.
refuses() {
	local words=$1
	shift
	"$tracer" "$@" >"$stdout" 2>"$stderr" </dev/null
	status=$?
	is "$status $(grep -c . "$stderr") $(grep -cF -e "$words" "$stderr")" '64 1 1' "gmemtrace $*: refused" || diag_guest
}

for name in "$capture" ./a.cap hard.cap soft.cap; do
	refuses 'the capture is there' check --junit "$name" a.cap
	refuses 'the capture is there' flame -o "$name" a.cap
	refuses 'the capture is there' export --format ndjson -o "$name" a.cap
	refuses 'the capture is there' latency -o "$name" a.cap
done
refuses 'the capture is there' check -o new.cap --junit new.cap -- true
refuses 'standard output has the other report' check --junit - a.cap
cp a.cap b.cap
echo '# none' >known
for name in "$capture" ./a.cap hard.cap soft.cap; do
	refuses 'it is read' check --base a.cap --patched b.cap --junit "$name"
	refuses 'it is read' flame --diff b.cap a.cap -o "$name"
	refuses 'it is read' latency -o "$name" --merge b.cap b.cap a.cap
done
refuses 'it is read' check --junit known --known-issues known b.cap
succeeds 'the capture is as it was' cmp "$top/tests/unit/fixtures/format-2.cap" a.cap
"$tracer" check --junit report.xml a.cap >"$stdout" 2>"$stderr"
is "$? $(grep -c '<testsuites>' report.xml)" '1 1' 'another name is written to'

# Every option that its help lists: with a capture it has an effect that is seen, or known here, or is refused.
known=' check:--text check:--require check:--min-pages check:--min-inodes check:--allow-empty check:--junit check:--allow
	live:--all live:--at live:--batch live:--interval live:--count flame:--folded flame:--svg flame:--html flame:--diff
	flame:--output flame:--weight flame:--by latency:--json latency:--cpu latency:--output
	export:--format export:--schema export:--output '
common=' --vm --comm --inode --pgoff --stuck --help --usage --version '
for words in check live flame latency 'export --format ndjson'; do
	read -ra subcommand <<<"$words"
	name=${subcommand[0]}
	"$tracer" "${subcommand[@]}" a.cap >plain 2>/dev/null
	for option in $("$tracer" "$name" --help | sed -nE 's/^ +(-[a-z?], )?(--[a-z-]+).*/\2/p'); do
		case $common$known in *" $option "* | *"$name:$option"*) continue ;; esac
		value=$("$tracer" "$name" --help | sed -nE "s/^.*$option=([A-Z]+).*/\\1/p" | head -n 1)
		case $value in
		TIME) value='=1s' ;;
		SIZE) value='=16mb' ;;
		'') ;;
		*) value='=x' ;;
		esac
		"$tracer" "${subcommand[@]}" "$option$value" a.cap >"$stdout" 2>"$stderr"
		status=$?
		[ "$status" = 64 ] || cmp -s "$stdout" plain || continue
		is "$status $(grep -ce "$option\|-[do] has no meaning for a capture" "$stderr")" '64 1' \
			"$name: $option is refused for a capture"
	done
done

# What a file is called moves no cursor, and makes no line of its own.
strange=$'x\e[31m\n::error::y.cap'
cp "$top/tests/unit/fixtures/fault-free-uncleared.cap" "$strange"
"$tracer" check --junit "$strange.xml" "$strange" >"$stdout" 2>"$stderr"
is "$? $(grep -cF 'x\x1b[31m\x0a::error::y.cap' "$stdout") $(grep -c '^::error' "$stdout")" '1 2 0' 'names are not printed raw'

# closed STATUS DESCRIPTION COMMAND
closed() {
	bash -c "\"$tracer\" $3" 2>"$stderr"
	is "$?" "$1" "$2"
}
closed 1 'standard output that is closed is no other file' "check --json a.cap >&-"
file_like "$stderr" 'standard output: cannot write all of it: Bad file descriptor' 'and an error'
closed 1 'nobody needs standard input and error' "check a.cap >/dev/null 2>&- <&-"
closed 1 'the report goes where it belongs when all else is closed' "check --junit closed.xml --json a.cap >json <&- 2>&-"
succeeds 'and nowhere else' grep -q '</testsuites>' closed.xml
is "$(head -c 1 json)" '{' 'each of the two'

# What is printed and ends it is an output, too.
for words in --help --version 'check --help' 'flame --usage' 'live --version' 'check --schema' 'live --schema' 'export --schema'; do
	bash -c "\"$tracer\" $words >/dev/full" 2>"$stderr"
	is "$? $(grep -c 'standard output: cannot write all of it: No space left on device' "$stderr")" '2 1' \
		"$words: a full disk is an error"
	# shellcheck disable=SC2086
	"$tracer" $words 2>"$stderr" | true
	is "${PIPESTATUS[0]} $(cat "$stderr")" '0 ' "$words: nobody who reads it is none"
done
for words in --help --version --usage; do
	"$top/build/bin/gmemtraced" "$words" >/dev/full 2>"$stderr"
	is "$? $(grep -c 'standard output: cannot write all of it: No space left on device' "$stderr")" '2 1' \
		"gmemtraced $words: the same"
	"$top/build/bin/gmemtraced" "$words" 2>"$stderr" | true
	is "${PIPESTATUS[0]} $(cat "$stderr")" '0 ' "gmemtraced $words: the same"
done
end_tests print-plan
