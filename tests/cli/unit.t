#!/bin/bash
# The systemd unit: systemd understands it, and what it may do is little.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

command -v systemd-analyze >/dev/null || skip_all 'systemd-analyze is missing (Debian package: systemd)'
unit=$test_work/gmemtraced.service
sed "s,@SBIN@,$top/build/bin," "$top/systemd/gmemtraced.service.in" >"$unit"

# exposure_below TENTHS UNIT
exposure_below() {
	systemd-analyze security --offline=true --threshold="$1" --no-pager "$2"
}

succeeds 'systemd understands it' systemd-analyze verify --man=no "$unit"
succeeds 'systemd calls its exposure 2.5 at most' exposure_below 25 "$unit"
sed -i '/^Protect/d; /^Restrict/d; /^Capability/d' "$unit"
exposure_below 25 "$unit" >/dev/null 2>&1
is "$?" 1 'without its limits it would be more'
end_tests print-plan
