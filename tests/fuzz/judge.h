/* SPDX-License-Identifier: GPL-2.0 */
/* What every fuzzer asks of the reader, the model, the rules and the reports. */
#ifndef GMEMTRACE_TESTS_FUZZ_JUDGE_H
#define GMEMTRACE_TESTS_FUZZ_JUDGE_H

#include <stdint.h>
#include "gmemtrace/capture.h"
#include "gmemtrace/rules.h"

struct fuzz_judged {
	enum verdict_value value;
	bool whole; /* finished, and read to its end */
	bool damaged; /* reading ended with an error: there is no verdict */
	__u64 records;
};

/*
 * Reads everything, judges it, writes every report. Aborts where memory or
 * time outgrow what was read. The options may be NULL.
 */
void fuzz_judge(struct capture_reader *reader, const struct model_options *model_options,
		const struct verdict_options *verdict_options, struct fuzz_judged *judged);

#endif
