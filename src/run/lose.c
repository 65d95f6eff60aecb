// SPDX-License-Identifier: GPL-2.0
#include "run/lose.h"

int lose_after(struct model *model, const struct record_header *record, uint64_t *left)
{
	const struct record_loss loss = {
		.header = { .kind = RECORD_LOSS, .size = sizeof(loss), .time = record->time },
		.since = record->time,
		.count = *left,
		.cause = RECORD_LOSS_RING_FULL,
	};

	if (!*left || record->kind != RECORD_HEARTBEAT)
		return 0;
	*left = 0;
	return model_feed(model, &loss.header);
}
