#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A short soak: memory runs out and zaps fail at random; nothing hangs, the kernel has nothing to say, the
# verdict is consistent. `make soak` does it for ten minutes.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

[ -x "$top/build/tests/vm/inject" ] || skip_all 'build/tests/vm/inject is not built, run make check-vm'

succeeds 'allocations and zaps fail at random' "$top/tests/vm/soak" --seconds 20 --seed 1 --out "$test_work/soak"
file_like "$test_work/command" 'zaps failed=[1-9].* refused=[1-9]' 'of both kinds'
end_tests print-plan
