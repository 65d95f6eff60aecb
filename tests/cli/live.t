#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# live on a real terminal (tmux): what it shows is what is drawn, and nothing that happens to a terminal tears it.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

live=("$top/build/bin/gmemtrace" live)
export LC_ALL=C.UTF-8

refused() {
	local words=$1 said
	shift
	said=$("${live[@]}" "$@" 2>&1 </dev/null)
	is "$?: $said" "64: gmemtrace live: $words; see gmemtrace live --help" "live $*"
}

refused '--screen 80: give columns and rows, such as 80x24' --screen 80 a.cap
refused '--screen 0x24: give columns and rows, such as 80x24' --screen 0x24 a.cap
refused '--screen 80x24x1: give columns and rows, such as 80x24' --screen 80x24x1 a.cap
refused '--screen is of a capture: give FILE' --screen 80x24
refused '--at is of a capture: give FILE' --at 1s
refused '--keys goes with --screen' --keys j a.cap
refused '--screen and --json: give one of them' --screen 80x24 --json a.cap
refused '--at is of screens: lines begin where the capture does' --at 1s --batch a.cap
refused '--at is of screens: lines begin where the capture does' --at 1s a.cap
refused '--keys <Entr>: no key is called so' --screen 80x24 --keys 'j<Entr>' a.cap

make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
capture=$top/tests/unit/fixtures/format-2.cap
drawn() {
	"${live[@]}" --screen 80x24 "$@"
}
drawn --at 10ms "$capture" >"$test_work/screen"
is "$?" 0 'a screen as text'
succeeds 'which names the capture' grep -q '^gmemtrace  format-2.cap' "$test_work/screen"
drawn --keys 'd<Down><Enter>w' "$test_work/violated.cap" >"$test_work/screen"
succeeds 'a page has its story' grep -qE '^[gs][0-9]+:0x0 of VM' "$test_work/screen"
is "$(drawn --keys Gd "$top/tests/unit/fixtures/gmem-folio-clean.cap" | awk '$1 ~ /^g[0-9]/ { print $2 }' | paste -sd ' ')" \
	'folio-bit folio-bit plain' 'each kind of inode has a name'
is "$(drawn --keys 's/nobody<Enter>' "$capture" | sed -n 4p)" 'sorted by rate; only nobody' 'what a replay leaves out is said'
churn=$top/tests/unit/fixtures/load-churn.cap
drawn --keys Gd "$churn" >"$test_work/screen"
is "$(awk '$2 == "absent" && $1 == "g20" { print $4, $5, $6 }' "$test_work/screen")" '0 0 0' 'an inode that is gone wants nothing'
is "$(awk '$4 == "fallocate" { print $6, $8, $9 }' "$test_work/screen")" 'hole none needed' 'a hole needs no flush, and is called so'
is "$(drawn --keys 'Gd<Down><Down><Enter>' "$churn" | grep -cE 'faulted in|prepared')" 2 'a page is faulted in once'
size=$(stat -c %s "$test_work/long.cap")
head -c "$((size / 2))" "$test_work/long.cap" >"$test_work/half.cap"
is "$(drawn --keys G "$test_work/half.cap" 2>/dev/null | cut -c 1-22 | head -n 1)" 'gmemtrace  (cut) half.' 'a capture that is cut is marked'
head -c 400 "$test_work/long.cap" >"$test_work/cut.cap"
drawn --keys 'G<Enter>w' "$test_work/cut.cap" >"$test_work/screen" 2>/dev/null
is "$? $(head -c 22 "$test_work/screen")" '0 gmemtrace  (cut) cut.c' 'also where nothing is left of it'

# without FILE BLOCK: a capture that a whole block is missing of, from 0; nothing else about it is wrong.
without() {
	local at=256 nr=$2

	while [ "$nr" -gt 0 ]; do
		at=$((at + $(od -An -tu4 -j $((at + 8)) -N4 "$1")))
		nr=$((nr - 1))
	done
	head -c "$at" "$1"
	tail -c +$((at + $(od -An -tu4 -j $((at + 8)) -N4 "$1") + 1)) "$1"
}

# wrong NAME WORDS: what screens and stories of $test_work/NAME.cap say, and end with; they show what stands before that.
wrong() {
	local file=$test_work/$1.cap words="gmemtrace: $test_work/$1.cap: $2"
	is "$(drawn --at 1h "$file" 2>&1 >"$test_work/screen") $?" "$words 2" "$1: a screen says so"
	is "$(head -c 20 "$test_work/screen")" 'gmemtrace  (damaged)' "$1: and is marked"
	is "$(sed -n '1s/.*VIOLATED (\([0-9]*\)).*/\1/p' "$test_work/screen")" \
		"$("$top/build/bin/gmemtrace" check --json "$file" 2>/dev/null | jq '.violations | length')" "$1: it accuses whom check does"
	is "$("$top/build/bin/gmemtrace" why g1:0x0 "$file" 2>&1 >/dev/null) $?" "$words 2" "$1: a story says so"
}
blocks=$top/tests/unit/fixtures/fault-flush-handler-idle.cap
without "$blocks" 4 >"$test_work/gap.cap"
wrong gap 'the capture is damaged at block 4: it is not the one that comes next'
cat "$blocks" "$capture" >"$test_work/more.cap"
wrong more 'the capture is damaged at block 11: data behind its end'
old=$top/tests/unit/fixtures/format-1.cap
{ head -c 2285 "$old"; printf '#'; tail -c +2287 "$old"; } >"$test_work/flipped.cap"
is "$(drawn --at 1h "$test_work/flipped.cap" 2>&1 >/dev/null) $?" \
	"gmemtrace: $test_work/flipped.cap: the capture is damaged: its checksum does not match 2" 'one without blocks: a screen says so'
head -c 5000 "$capture" >"$test_work/short.cap"
is "$("$top/build/bin/gmemtrace" why g1:0x0 "$test_work/short.cap" 2>&1 >/dev/null | sed 's/[0-9]* of [0-9]*/N of M/')" \
	"gmemtrace: $test_work/short.cap: the capture is cut: N of M records are there; it is judged up to its last whole block" 'a story says that it is cut'
is "$(drawn --at 1h "$test_work/short.cap" 2>/dev/null | grep -oE '(INCONCLUSIVE|CONSISTENT)( so far)?   lost 0$')" 'INCONCLUSIVE   lost 0' 'nobody is acquitted by what is cut'
is "$(drawn /dev/null 2>&1)" 'gmemtrace: /dev/null: the file is empty: nothing was captured' 'no capture: one line'
is "$(TERM=vt100 "${live[@]}" -i 1s "$capture" </dev/null | head -n 1 | cut -c 7-18)" 'TIME_s INODE' \
	'no terminal: lines'

# where KEYS WORDS: at which time, and what of the time line, in a capture with a loss and a violation.
where() {
	is "$(drawn --keys "$1" "$test_work/long.cap" | sed -n '1s/.*long.cap  \([0-9.]* s\).*/\1/p; s/-//g; /^\[.*\]$/p' | paste -sd ' ')" \
		"$2" "keys $1"
}
where '' '1.100 s [|x!]'
where '}' '11.100 s [|!]'
where '}}' '21.101 s [x|]'
where '}}}' '21.101 s'
where 'G' '32.001 s [x!|]'
where 'G{{' '11.100 s [|!]'
where 'G{g' '1.100 s [|x!]'
where 'G<<<<' '28.001 s [x!|]'
where 'G,,,' '30.801 s [x!|]'
where '}....,' '11.400 s [x|!]'
where '}d<Down><Enter>G<' '31.001 s [x!|]'
is "$(drawn --keys 'd<Down><Enter>G{<' "$test_work/long.cap")" "$(drawn --at 18990ms --keys 'd<Down><Enter>' "$test_work/long.cap")" \
	'back is what ahead is'
is "$(sh -c "cat '$capture' | ${live[*]} --screen 80x24 /dev/stdin" 2>&1)" \
	'gmemtrace: /dev/stdin: what can be read once only cannot be played: --batch prints lines' 'no pipe is played'

drawn --keys Gv "$test_work/long.cap" >"$test_work/screen"
succeeds 'the verdict in words' grep -qE '^freed-absent  1 page ' "$test_work/screen"
is "$(drawn --keys 'Gv<Esc>' "$test_work/long.cap")" "$(drawn --keys G "$test_work/long.cap")" 'and back'
drawn --keys v "$test_work/long.cap" >"$test_work/screen"
is "$(grep -c freed-absent "$test_work/screen")" 0 'as far as it is known then'

# The picture in README.md.
is "$("${live[@]}" --screen 100x24 --keys 'GdGj<Enter>!' "$top/tests/unit/fixtures/fault-flush-last-run.cap" | "$top/doc/screen-svg")" \
	"$(cat "$top/doc/screen.svg")" 'doc/screen.svg is what doc/screen-svg makes of a screen'
succeeds 'and well-formed' python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$top/doc/screen.svg"

# A terminal that takes nothing holds it, but not when it is to end. Prints "held STATUS".
cat >"$test_work/stalled" <<'END'
import fcntl, os, pty, signal, struct, sys, termios, time
pid, terminal = pty.fork()
if not pid:
    time.sleep(0.2)  # the terminal has its size by then
    os.environ.update(TERM='xterm-256color', LC_ALL='C.UTF-8')
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 100, 300, 0, 0))
for i in range(300):
    os.write(terminal, b't' if i % 2 else b'dj')
    time.sleep(0.01)
held = not os.waitpid(pid, os.WNOHANG)[0]
os.kill(pid, signal.SIGTERM)
for i in range(600):
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    time.sleep(0.1)
else:
    os.kill(pid, signal.SIGKILL)
print('held' if held else 'not held', status if done else 'for ever')
END
is "$(python3 "$test_work/stalled" "${live[@]}" "$test_work/long.cap")" 'held 0' 'a terminal that takes nothing does not hold its end'

command -v tmux >/dev/null || skip_all 'tmux is missing (Debian package: tmux)'
terminals=0
tmux=(false)
trap '"${tmux[@]}" kill-server 2>/dev/null; rm -rf "$test_work"' EXIT

# terminal ENVIRONMENT OPTION...: a terminal of 80x24 in which live runs, its status in $test_work/status
terminal() {
	local environment=$1
	shift
	rm -f "$test_work/status"
	"${tmux[@]}" kill-server 2>/dev/null
	terminals=$((terminals + 1))
	tmux=(tmux -L "gmemtrace-$$-$terminals" -f /dev/null)
	"${tmux[@]}" new-session -d -x 80 -y 24 \
		"env TERM=screen-256color $environment sh -c 'echo \$\$ >$test_work/pid; exec ${live[*]} $*' 2>'$test_work/said'; echo \$? >'$test_work/status'; exec sleep 60"
}

shown() {
	"${tmux[@]}" capture-pane -p | sed 's/ *$//'
}

# shows PATTERN: waits until the screen does
shows() {
	local tries=100
	until shown | grep -qE -- "$1"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || {
			diag "the screen does not show: $1"
			shown | sed 's/^/#   /' >&2
			return 1
		}
		sleep 0.1
	done
}

ended() {
	local tries=100
	until [ -s "$test_work/status" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
	cat "$test_work/status"
}

press() {
	"${tmux[@]}" send-keys "$@"
}

# same KEYS DESCRIPTION: what the terminal shows is what --screen prints; both are paused.
same() {
	local tries=100
	drawn --keys "$1" "$capture" >"$test_work/wanted"
	until [ "$(shown)" = "$(cat "$test_work/wanted")" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.1
	done
	is "$(shown)" "$(cat "$test_work/wanted")" "$2"
}

# A step back from wherever it plays is to its begin, and pauses it.
terminal LC_ALL=C "$capture"
shows 'VM/INODE' && press ,
shows paused && press d
same d 'the table, cell by cell'
press Down
press Enter
same 'd<Down><Enter>' 'a map of pages'
press +
same 'd<Down><Enter>+' 'zoomed'
press Escape
press Tab
same 'd<Down><Enter>+<Esc><Tab>' 'flushes'
press '?'
same 'd<Down><Enter>+<Esc><Tab>?' 'help'
"${tmux[@]}" resize-window -x 120 -y 40 2>/dev/null
succeeds 'resized' shows '{ }'
"${tmux[@]}" resize-window -x 1 -y 1 2>/dev/null
sleep 0.3
"${tmux[@]}" resize-window -x 80 -y 24 2>/dev/null
succeeds 'to one cell and back' shows 'Esc back'
press q
is "$(ended)" 0 'q ends it'
is "$(cat "$test_work/said")" '' 'and nothing else is said'

terminal NO_COLOR=1 --at 1ms "$capture"
succeeds 'NO_COLOR' shows 'VM/INODE'
is "$("${tmux[@]}" capture-pane -p -e | grep -cE $'\033\\[[0-9;]*(3[0-7]|38|9[0-7]|4[0-7])[;m]')" 0 'leaves colours out'
terminal A=1 --at 1ms "$test_work/violated.cap"
shows 'absent as declared'
succeeds 'without it there are some' sh -c "${tmux[*]} capture-pane -p -e | grep -qE '\[[0-9;]*38;5'"
press q
ended >/dev/null

# A replay stops at a violation. Whoever is ended from outside leaves the terminal as it was.
terminal A=1 --at 20s "$test_work/long.cap"
shows 'VM/INODE' && press '))))))'
succeeds 'it stops at a violation' shows '\[paused\] +VIOLATED'
press '<'
press '<'
succeeds 'goes back from there' shows 'CONSISTENT so far|INCONCLUSIVE'
kill -TERM "$(cat "$test_work/pid")"
is "$(ended)" 0 'SIGTERM ends it'
succeeds 'and the terminal is given back' sh -c "! ${tmux[*]} capture-pane -p | grep -q VM/INODE"
terminal A=1 "$test_work/long.cap"
shows 'VM/INODE' && press '>'
worker=$(pgrep -P "$(pgrep -P "$(cat "$test_work/pid")" | head -n 1)")
kill -KILL "$worker"
is "$(ended): $(cat "$test_work/said")" '2: gmemtrace: the replay was killed, or memory is too short for it' \
	'a worker that is killed: one line'

terminal TERM=nonesuch "$capture"
is "$(ended): $(cat "$test_work/said")" '2: gmemtrace: TERM=nonesuch: no such terminal is known: --batch prints lines' \
	'a terminal that nobody knows'
terminal A=1 "$test_work/none.cap"
is "$(ended)" 2 'no capture: an error'
succeeds 'and one line' grep -q 'No such file' "$test_work/said"

# The terminal goes: so does live.
terminal A=1 "$capture"
shows 'VM/INODE'
pid=$(cat "$test_work/pid")
"${tmux[@]}" kill-server
tries=100
while kill -0 "$pid" 2>/dev/null && [ "$tries" -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
succeeds 'a terminal that is lost ends it' test "$tries" -gt 0

end_tests print-plan
