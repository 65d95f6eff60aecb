/* SPDX-License-Identifier: GPL-2.0 */
/* A loss that never was, for those who want to see what watches a run go off. */
#ifndef GMEMTRACE_RUN_LOSE_H
#define GMEMTRACE_RUN_LOSE_H

#include <stdint.h>

#include "gmemtrace/model.h"

/* After the first heartbeat: *@left records are told of as lost, of any inode, and *@left is 0. 0 or -ENOMEM. */
int lose_after(struct model *model, const struct record_header *record, uint64_t *left);

#endif
