/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_CAPTURE_INDEX_H
#define GMEMTRACE_CAPTURE_INDEX_H

#include "capture/input.h"

void index_free(struct capture_reader *reader);

#endif
