#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What becomes of Debian's kernels that have left the suites, or are newer than what is cached: make lab goes on, tests of
# them are skipped with the reason, and the matrix says so and takes the newest. lab/stock is asked in a tree of its own, with an apt and a dpkg that are scripts: no network, no guest.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

for command in make modinfo flock zstd; do
	command -v "$command" >/dev/null || skip_all "$command is missing (lab/packages test lab installs it)"
done
[ -r /usr/share/keyrings/debian-archive-keyring.gpg ] || skip_all 'no keys of Debian (package: debian-archive-keyring)'

tree=$test_work/tree bin=$test_work/bin
export XDG_CACHE_HOME=$test_work/cache SUITES=$test_work/suites
mkdir -p "$bin" "$tree/lab" "$tree/kernel" "$tree/build" "$tree/tests/vm"
cp "$top/lab/stock" "$tree/lab"
cp "$top/Makefile" "$tree"
cp "$top/tests/vm/lib.sh" "$top/tests/vm/kernels" "$tree/tests/vm"

# script FILE: an executable, read from here.
script() {
	{ echo '#!/bin/bash'; cat; } >"$1"
	chmod +x "$1"
}

# Lists name what $SUITES named when they were fetched.
script "$bin/apt-get" <<'END'
case " $* " in
*indextargets*) echo bookworm main http://nowhere ;;
*update*) cp "$SUITES" "$SUITES.listed"; echo fetched >>"$SUITES.log" ;;
*download*) touch "${@: -1}.deb" ;;
esac
END
script "$bin/apt-cache" <<'END'
cat "$SUITES.listed"
END
# What is in a package: of one that is called so the image alone, as when a suite has lost the others.
script "$bin/dpkg" <<'END'
name=${2##*/linux-image-}
mkdir -p "$3/boot"
touch "$3/boot/vmlinuz-${name%.deb}"
[[ $name == 6.16.2+* ]] || touch "$3/boot/config-${name%.deb}"
END
script "$tree/lab/packages" <<<''
script "$tree/kernel/build" <<<''
# A guest in which all is well, and says which kernel it was given.
script "$tree/lab/run" <<'END'
while [ "$1" != -- ]; do
	case $1 in
	--kernel) name=$2 ;;
	--out) out=$2 ;;
	esac
	shift
done
[[ $name != stock-* ]] || cat "$("${0%/*}/stock" "$name")/package" >"$out/release"
for scenario in features check record plain mapped why flight flushes holders map namespace verified; do echo "$scenario ok"; done
END
# Lines of which there are none today, as the newest of all: but a few.
sed -i 's/^readonly known_series=.*/readonly known_series=(6.1 6.12 6.16 7.3)/' "$tree/lab/stock"
PATH=$bin:$PATH

# suites PACKAGE...: what Debian has from now on.
suites() {
	printf 'linux-image-%s\n' "$@" >"$SUITES"
}

# stock ARGUMENT...: lab/stock's status, and which package the directory is of.
stock() {
	local directory
	directory=$("$tree/lab/stock" "$@" 2>"$stderr")
	echo "$? $(cat "$directory/package" 2>/dev/null)"
}

make_lab() {
	make -C "$tree" --no-print-directory lab >"$stdout" 2>"$stderr"
	status=$?
}

# A test of two kernels, as tests in guests are.
script "$tree/tests/vm/two.t" <<'END'
. "$(dirname -- "$0")/lib.sh"
for name in stock-6.1 stock-6.12 gmem; do
	stock_there "$name" && pass "$name is tried"
done
end_tests print-plan
END

suites 6.12.1+deb13-cloud-amd64
make_lab
is "$status" 0 'make lab goes on where a kernel has left the suites'
stderr_like '^lab/stock: stock-6.1: .*no longer have such a kernel$' 'and says which'
is "$(stock stock-6.12)" '0 linux-image-6.12.1+deb13-cloud-amd64' 'the other one is there'
"$tree/tests/vm/two.t" >"$stdout" 2>"$stderr"
status=$?
status_is 0 'a test of both ends well'
stdout_like '^ok 1 # SKIP lab/stock: stock-6.1: .*no longer have such a kernel$' 'one is skipped, with the reason'
is "$(grep -c 'is tried$' "$stdout")" 2 'and nothing else'
mv "$bin/apt-get" "$bin/apt-get.kept"
script "$bin/apt-get" <<<'exit 1'
rm -r "$XDG_CACHE_HOME"
make_lab
is "$status" 2 'where they cannot be fetched it ends with an error'
"$tree/tests/vm/two.t" >"$stdout" 2>"$stderr"
is "$(grep -c 'is tried$' "$stdout")" 3 'and tests try them, and fail'
mv "$bin/apt-get.kept" "$bin/apt-get"

# matrix ARGUMENT...: its lines of one CPU model.
matrix() {
	"$tree/tests/vm/kernels" --cpu max "$@" >"$stdout" 2>"$stderr"
	status=$?
}
suites 6.12.1+deb13-cloud-amd64 7.3.4+deb13-cloud-amd64 6.16.1+deb13-amd64
matrix
status_is 0 'a matrix'
stdout_like '^stock-6.1 +not tried: stock-6.1: .*no longer have such a kernel$' 'what was never had is not tried'
stdout_like '^stock-7.3 +linux-image-7.3.4\+deb13-cloud-amd64 +max ' 'the rest is'
# In lists that were fetched a moment ago, as far as lab/stock knows.
suites 7.3.5+deb13-cloud-amd64 6.16.2+deb13-amd64
is "$(stock stock-7.3)" '0 linux-image-7.3.4+deb13-cloud-amd64' 'a newer one does not replace what is cached'
matrix stock-7.3
stdout_like '^stock-7.3 +linux-image-7.3.4\+' 'nor in a matrix of names'
matrix
status_is 0 'a matrix on another day'
stdout_like '^stock-7.3 +linux-image-7.3.5\+deb13-cloud-amd64 +max ' 'takes the newest'
stdout_like '^stock-6.12 +has left the suites, tried from the cache: .*no longer have such a kernel$' 'says what has left'
stdout_like '^stock-6.12 +linux-image-6.12.1\+deb13-cloud-amd64 +max ' 'and tries it'
stdout_like '^stock-6.16-generic +has left the suites, tried from the cache: .*no longer have its modules$' \
	'also where but its modules have'
stdout_like '^5 consistent, 0 failed$' 'all of them are counted'
is "$(wc -l <"$SUITES.log")" 3 'lists were fetched once for each matrix of all, and for the first kernel'
end_tests print-plan
