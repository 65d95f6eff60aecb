/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --redact: records without the names that people give: of tasks and VMs, of what CMD was called
 * with, of routines of other modules than KVM's, of BPF programs, and users' ids. The same name
 * becomes the same word throughout, so what is counted by name still is, and every rule finds what it found.
 */
#ifndef GMEMTRACE_RUN_REDACT_H
#define GMEMTRACE_RUN_REDACT_H

#include <stdbool.h>
#include <stdint.h>
#include "gmemtrace/record.h"

#define REDACT_WORD "redacted" /* what stands for a fact that this version does not know */

struct redact {
	void *names; /* tsearch(3): each that was met, and its number */
	uint32_t names_nr;
	union redact_room *room; /* where a changed record is made */
};

/* -ENOMEM, or 0. */
int redact_init(struct redact *redact);

/*
 * @record without names: itself where it holds none, or a copy that is valid until the next call.
 * NULL: memory is short.
 */
const struct record_header *redact_record(struct redact *redact,
					  const struct record_header *record);

static inline bool redact_on(const struct redact *redact)
{
	return redact->room;
}

static inline const struct record_header *redact_apply(struct redact *redact,
						       const struct record_header *record)
{
	return redact_on(redact) ? redact_record(redact, record) : record;
}

void redact_destroy(struct redact *redact);

#endif
