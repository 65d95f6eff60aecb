/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_CAPTURE_BLOCKS_H
#define GMEMTRACE_CAPTURE_BLOCKS_H

#include "capture/input.h"

/* The next record of a format of blocks, of any kind: 1, 0 at the end, or -errno. */
int blocks_next(struct capture_reader *reader, const struct record_header **record);

/*
 * Has a whole block in the buffer, checked. 1; 0 where none is left, with @wrong
 * what is the matter with the bytes that are, or NULL; or -errno.
 */
int blocks_fill(struct capture_reader *reader, struct capture_block *block, const char **wrong);

#endif
