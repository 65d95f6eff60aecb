#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libgmemtrace as others have it: installed, found by pkg-config, from C and from C++, with nothing
# in it but what its headers declare. examples/ is built and run against it.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

root=$test_work/root
examples=$top/examples
declared=$test_work/declared
defined=$test_work/defined

flags() {
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$root/usr/lib/pkgconfig "${PKG_CONFIG:-pkg-config}" "$@" libgmemtrace
}

# functions_declared: by the installed headers, as the compiler reads them.
functions_declared() {
	local header
	for header in "$root"/usr/include/gmemtrace/*.h; do
		echo "#include <gmemtrace/${header##*/}>"
	done >"$test_work/all.c"
	read -ra cflags < <(flags --cflags)
	"${CC:-gcc}" -std=gnu11 "${cflags[@]}" -aux-info "$test_work/protos" -c "$test_work/all.c" -o "$test_work/all.o" || return 1
	grep -E "^/\* $root/usr/include/gmemtrace/[a-z_]+\.h:[0-9]+:NC " "$test_work/protos" |
		grep -oE '[a-z_0-9]+ \(.*$' | sed 's/ (.*//' | sort -u
}

# judged NAME: what the example says of a capture, and its status, on one line.
judged() {
	"$test_work/judge" "$test_work/$1.cap" >"$stdout" 2>&1
	status=$?
	echo "$(tail -n 1 "$stdout") $status"
}

succeeds 'make install' make -C "$top" --no-print-directory install DESTDIR="$root" PREFIX=/usr
functions_declared >"$declared"
nm --defined-only --extern-only "$root/usr/lib/libgmemtrace.a" | awk 'NF == 3 { print $3 }' | sort -u >"$defined"
succeeds 'headers declare functions' test "$(wc -l <"$declared")" -gt 60
is "$(comm -13 "$declared" "$defined" | paste -sd ' ')" '' 'nothing else is to be seen'
is "$(comm -23 "$declared" "$defined" | paste -sd ' ')" '' 'all of them are there'

# The shared library: the same, and no more; its name is that of the interface.
library=$root/usr/lib/libgmemtrace.so
version=$(sed -n 's/^VERSION := //p' "$top/Makefile")
nm --dynamic --defined-only --extern-only "$library" | awk '$2 != "A" { print $3 }' >"$test_work/shared"
is "$(sed 's/@.*//' "$test_work/shared" | sort -u | comm -3 - "$declared" | paste -sd ' ')" '' 'the shared library shows the same'
is "$(sed 's/.*@//' "$test_work/shared" | sort -u | paste -sd ' ')" "GMEMTRACE_${version%.*}" 'each of the interface'"'"'s version'
is "$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" "libgmemtrace.so.${version%.*}" 'which is its SONAME'
is "$(readelf -d "$library" | grep -c TEXTREL)" 0 'its text is shared'
is "$(readlink "$library") $(readlink "$root/usr/lib/libgmemtrace.so.${version%.*}")" \
	"libgmemtrace.so.${version%.*} libgmemtrace.so.$version" 'found by each of its names'

read -ra cflags < <(flags --cflags)
read -ra libs < <(flags --libs)
succeeds 'the example builds with it' "${CC:-gcc}" -Wall -Wextra -Werror "$examples/judge.c" "${cflags[@]}" "${libs[@]}" -o "$test_work/judge-shared"
is "$(readelf -d "$test_work/judge-shared" | grep NEEDED | grep -oE 'lib[a-z-]+\.so\.[0-9.]+' | paste -sd ' ')" \
	"libgmemtrace.so.${version%.*} libc.so.6" 'and needs nothing else'
read -ra libs < <(flags --static --libs)
libs=("${libs[@]/#-lgmemtrace/-l:libgmemtrace.a}")
succeeds 'the example builds with the archive' "${CC:-gcc}" -Wall -Wextra -Werror "$examples/judge.c" "${cflags[@]}" "${libs[@]}" -o "$test_work/judge"
succeeds 'and as C++' "${CXX:-g++}" -x c++ -std=c++17 -Wall -Wextra -Werror "$examples/judge.c" -x none "${cflags[@]}" "${libs[@]}" -o "$test_work/judge-cxx"
succeeds 'so does a program that writes captures' "${CC:-gcc}" -Wall -Wextra -Werror -I"$top/include" \
	"$top/tests/library/make-captures.c" "$top/tests/unit/stream.c" "$top/tests/unit/timed.c" "${cflags[@]}" "${libs[@]}" -lcmocka -o "$test_work/make-captures"
succeeds 'which runs' "$test_work/make-captures" "$test_work"
is "$(judged consistent)" 'consistent 0' 'a capture is judged'
is "$(judged violated)" 'violated 1' 'and another'
LD_LIBRARY_PATH=$root/usr/lib "$test_work/judge-shared" "$test_work/violated.cap" >"$stdout" 2>&1
is "$?" 1 'by the shared library, too'
"$test_work/judge-cxx" "$test_work/violated.cap" >"$stdout" 2>&1
is "$?" 1 'from C++ as well'
end_tests print-plan
