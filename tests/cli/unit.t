#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The systemd unit: systemd understands it, and what it may do is little; with a file of metrics, and with a socket; as it
# is here, and as the Debian package has it.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

command -v systemd-analyze >/dev/null || skip_all 'systemd-analyze is missing (Debian package: systemd)'
unit=$test_work/gmemtraced.service
http=$test_work/http.service
sed "s,@SBIN@,$top/build/bin," "$top/systemd/gmemtraced.service.in" >"$unit"
# What comes later holds, as in a drop-in.
cat "$unit" <(sed "s,@SBIN@,$top/build/bin," "$top/systemd/gmemtraced-http.conf") >"$http"
mkdir "$test_work/package"
packaged=$test_work/package/gmemtraced.service
packaged_http=$test_work/package/http.service
sed -f "$top/contrib/debian/group.sed" "$unit" >"$packaged"
sed -f "$top/contrib/debian/group.sed" "$http" >"$packaged_http"

# exposure_below TENTHS UNIT
exposure_below() {
	systemd-analyze security --offline=true --threshold="$1" --no-pager "$2"
}

# started UNIT: the last command line that it names.
started() {
	sed -n 's/^ExecStart=..*gmemtraced //p' "$1" | tail -n 1
}

succeeds 'systemd understands it' systemd-analyze verify --man=no "$unit"
succeeds 'systemd calls its exposure 2.0 at most' exposure_below 20 "$unit"
succeeds 'with metrics by HTTP it understands it, too' systemd-analyze verify --man=no "$http"
succeeds 'and calls its exposure 3.2 at most' exposure_below 32 "$http"
succeeds 'as packaged it understands it' systemd-analyze verify --man=no "$packaged"
succeeds 'and calls its exposure no more: 2.0 at most' exposure_below 20 "$packaged"
succeeds 'nor with metrics by HTTP: 3.2 at most' exposure_below 32 "$packaged_http"
for file in "$unit" "$http" "$packaged" "$packaged_http"; do
	for option in $(started "$file" | grep -oE -- '--[a-z-]+'); do
		succeeds "$option of ${file#"$test_work"/} is an option" grep -q -- "$option" <("$top/build/bin/gmemtraced" --help)
	done
done
is "$(grep -c '^Type=notify$\|^WatchdogSec=' "$unit")" 2 'it is watched'
sed -i '/^Protect/d; /^Restrict/d; /^Capability/d' "$unit"
exposure_below 20 "$unit" >/dev/null 2>&1
is "$?" 1 'without its limits it would be more'
end_tests print-plan
