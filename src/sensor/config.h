/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's configuration, as far as a verdict or the cost of a change depends on it. */
#ifndef GMEMTRACE_SENSOR_CONFIG_H
#define GMEMTRACE_SENSOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_TEXT_MAX 768 /* bytes: all options of which is told, set, and the last 0 */

/*
 * "KVM=m SECRETMEM=y ...": the options that are set, as the file at @path has them, which may be
 * compressed. false: it cannot be read, or has none.
 */
bool config_read(const char *path, char text[CONFIG_TEXT_MAX]);

#endif
