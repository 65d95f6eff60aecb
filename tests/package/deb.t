#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Debian packages, in a bare Debian: apt installs them and all that they need, and they work there as a user has
# them. The tarball that they are made of builds without a network, and the same commit makes the same packages.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

readonly suite=bookworm
root=$test_work/root
debs=$top/build/deb
fixtures=$top/tests/unit/fixtures

# inside COMMAND...: in the bare Debian.
inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# judged FILE: the verdict's word, and the exit status.
judged() {
	inside gmemtrace check --json "/root/$1" >"$stdout" 2>"$stderr"
	status=$?
	echo "$(jq -r .verdict "$stdout" 2>/dev/null) $status"
}

[ "$(id -u)" = 0 ] || skip_all 'only root can make a root directory to install in'
for command in debootstrap chroot jq; do
	command -v $command >/dev/null || skip_all "$command is missing (make deb installs it)"
done
set -- "$debs"/*.deb
[ -e "$1" ] || skip_all 'build/deb has no packages: run make deb'
# shellcheck disable=SC2016  # apt's own variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
	awk -v suite=$suite '$1 == suite && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || skip_all "this system's apt has no source of $suite"

succeeds "a bare $suite" debootstrap --variant=minbase $suite "$root" "$mirror"
cp "$debs"/*.deb "$root/root"
cp "$fixtures"/gmem-folio-clean.cap "$fixtures"/gmem-folio-and.cap "$top/examples/judge.c" "$root/root"
is "$(inside sh -c 'command -v gmemtrace gmemtraced gmem-load')" '' 'it has none of them yet'
succeeds 'apt installs them, with what they need' \
	inside sh -c 'apt-get -y --no-install-recommends install /root/*.deb gcc libc6-dev pkg-config'
is "$(inside gmemtrace --version)" "gmemtrace $(sed -n 's/^VERSION := //p' "$top/Makefile")" 'gmemtrace runs'
is "$(judged gmem-folio-clean.cap)" 'consistent 0' 'it judges a capture of a right kernel'
is "$(judged gmem-folio-and.cap)" 'violated 1' 'and one of a wrong kernel'
succeeds 'the page of flame --html is in it' inside gmemtrace flame --html -o /root/page.html /root/gmem-folio-clean.cap
succeeds 'gmem-load runs' inside gmem-load --help
# shellcheck disable=SC2016  # the inner shell expands it
succeeds 'a program of somebody else is built with the library' inside sh -c \
	'gcc -o /root/judge /root/judge.c $(pkg-config --cflags --libs libgmemtrace)'
is "$(inside ldd /root/judge | sed -n 's/.*\(libgmemtrace[^ ]*\) => \/.*/\1/p')" 'libgmemtrace.so.0.1' 'the shared one'
inside /root/judge /root/gmem-folio-and.cap >"$stdout" 2>"$stderr"
status=$?
status_is 1 'and judges as well'
file_like "$root/usr/lib/systemd/system/gmemtraced.service" '^ExecStart=/usr/sbin/gmemtraced .*--group gmemtrace$' \
	'the unit serves a group'
file_like "$root/usr/share/doc/gmemtrace/gmemtraced-http.conf" '^ExecStart=/usr/sbin/gmemtraced .*--group gmemtrace$' \
	'and so does the drop-in for metrics by HTTP'
file_like "$root/var/lib/dpkg/info/gmemtrace.prerm" "stop 'gmemtraced.service'" 'it is stopped when the package goes'
file_like "$root/usr/lib/sysusers.d/gmemtrace.conf" '^u gmemtrace ' 'which systemd makes, and a user for who serves'
succeeds 'and they go' inside apt-get -y purge gmemtrace gmem-load libgmemtrace-dev libgmemtrace0.1
is "$(find "$root/usr" "$root/etc" -name '*gmemtrace*' -o -name '*gmem-load*' | paste -sd ' ')" '' 'leaving nothing'

mkdir "$test_work/tarball"
tar -x -C "$test_work/tarball" --strip-components 1 -f "$top/build/gmemtrace-$(sed -n 's/^VERSION := //p' "$top/Makefile").tar.xz"
if unshare -n true 2>"$stderr"; then
	# Nor with what npm has of it in a cache.
	succeeds 'the tarball builds without a network' \
		env -u MAKEFLAGS HOME="$test_work" unshare -n make -C "$test_work/tarball" --no-print-directory
	succeeds 'with the page of flame --html' test -s "$test_work/tarball/build/page.html"
else
	skip 2 "no namespace without a network: $(tail -n 1 "$stderr")"
fi

succeeds 'made again' make -C "$top" --no-print-directory deb B=build/again
for deb in "$debs"/*.deb; do
	is "$(sha256sum <"$top/build/again/deb/${deb##*/}")" "$(sha256sum <"$deb")" "${deb##*/} is the same"
done
end_tests print-plan
