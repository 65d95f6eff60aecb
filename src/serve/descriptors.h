/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_SERVE_DESCRIPTORS_H
#define GMEMTRACE_SERVE_DESCRIPTORS_H

#include <stddef.h>

/*
 * Closes all descriptors from 3 on but the @nr in @kept; those below 0 are none. A fork inherits
 * everything: with a peer's end open here as well, nobody would ever see that it has died.
 */
void descriptors_keep(const int *kept, size_t nr);

#endif
