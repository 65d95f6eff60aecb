#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The page of flame --html, in a browser: see page.mjs.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

command -v npm >/dev/null || skip_all 'npm is missing (Debian package: npm), so there is no page'
command -v chromium >/dev/null || skip_all 'chromium is missing (Debian package: chromium)'
make -s --no-print-directory -C "$top" build/page.html || exit 1
[ -s "$top/build/page.html" ] || skip_all 'the page could not be built: npm had no libraries for it'
"$top/build/bin/gmemtrace" flame --html -o "$test_work/real.html" "$top/tests/unit/fixtures/format-2.cap" || exit 1
make -s --no-print-directory -C "$top" build/tests/make-captures || exit 1
"$top/build/tests/make-captures" "$test_work" || exit 1
"$top/build/bin/gmemtrace" flame --html -o "$test_work/hostile.html" "$test_work/hostile.cap" 2>/dev/null || exit 1
"$top/build/bin/gmemtrace" flame --diff --html -o "$test_work/diff.html" "$test_work/flushes.cap" "$test_work/slower.cap" 2>/dev/null || exit 1
node "$top/tests/page/page.mjs" "$top/build/page.html" "$top/tests/page/report.json" "$test_work/real.html" \
	"$test_work/hostile.html" "$test_work/diff.html" "$top/build/page.png"
