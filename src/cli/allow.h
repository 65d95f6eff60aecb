/* SPDX-License-Identifier: GPL-2.0 */
/* Violations that are known and accepted: RULE[:REASON], on the command line or in a file. */
#ifndef GMEMTRACE_CLI_ALLOW_H
#define GMEMTRACE_CLI_ALLOW_H

#include "gmemtrace/rules.h"

/* The rule of @name if the verdict depends on it; else NULL, and one line in @message. */
const struct rule *allow_rule(const char *name, char *message, size_t size);

/*
 * Enters @text, which stays the verdict's, into @options. 0, or -EINVAL and one line in @message:
 * no such rule, or allowed before.
 */
int allow_entry(struct verdict_options *options, char *text, char *message, size_t size);

/*
 * Enters each line of the file; empty ones and those that begin with '#' are none. What it holds
 * lives as long as the process. 0, or -errno and one line in @message.
 */
int allow_file(struct verdict_options *options, const char *path, char *message, size_t size);

#endif
