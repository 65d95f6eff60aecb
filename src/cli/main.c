// SPDX-License-Identifier: GPL-2.0
/* gmemtrace: finds the subcommand. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "run/command.h"
#include "run/streams.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv, char **command);
	const char *does;
};

static const struct subcommand subcommands[] = {
	{ "record", subcommand_record, "capture what happens, for later" },
	{ "check", subcommand_check, "the verdict: consistent, violated or inconclusive" },
	{ "live", subcommand_live, "VMs, their inodes and pages, as they change" },
	{ "why", subcommand_why, "the story of a page: who changed it, when, and what it is now" },
	{ "flame", subcommand_flame, "where flush time goes" },
	{ "latency", subcommand_latency, "how long flushes take, and which CPU is late" },
	{ "export", subcommand_export, "a trace for Perfetto, or lines of JSON, for other tools" },
	{ "holders", subcommand_holders, "who holds memfd_secret and guest_memfd memory" },
	{ "map", subcommand_map, "the whole direct map: sizes, who has pages absent, orphans" },
	{ "features", subcommand_features,
	  "what this kernel offers, and which rules it lets us judge" },
};

#define SUBCOMMANDS_NR (sizeof(subcommands) / sizeof(subcommands[0]))

static enum gmemtrace_status print_help(void)
{
	struct output *output = output_open("-");
	FILE *out;

	if (!output)
		return GMEMTRACE_ERROR;
	out = output_stream(output);
	fprintf(out, "Usage: gmemtrace SUBCOMMAND [OPTION...] [FILE | -- CMD...]\n"
		     "Watches the direct map under guest_memfd and memfd_secret memory, and judges "
		     "it. Kernels of x86-64 alone can be traced.\n\n");
	for (size_t i = 0; i < SUBCOMMANDS_NR; i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].does);
	fprintf(out,
		"\n  -?, --help     print this; `gmemtrace SUBCOMMAND --help' has the options\n"
		"  -V, --version  print the version\n\n"
		"Exit status: 0 consistent or done, 1 violated, 2 another error (also: CMD "
		"failed),\n"
		"4 cannot run here, 5 inconclusive, 64 usage error.\n");
	return output_close(output, 0);
}

static const struct subcommand *subcommand_find(const char *name)
{
	for (size_t i = 0; i < SUBCOMMANDS_NR; i++) {
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	}
	return NULL;
}

/* A usage error. */
static int subcommand_unknown(const char *name)
{
	options_usage("gmemtrace", "%s: no such %s", name,
		      name[0] == '-' ? "option" : "subcommand");
}

/* What stands behind the first "--" is CMD, whatever it looks like. */
static char **command_split(int *argc, char **argv)
{
	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;
	char **command, name[64];

	streams_hold();
	signals_ignore();
	if (argc < 2)
		options_usage("gmemtrace", "no subcommand");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "-h"))
		return print_help();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return output_print("gmemtrace " GMEMTRACE_VERSION "\n");
	subcommand = subcommand_find(argv[1]);
	if (!subcommand)
		return subcommand_unknown(argv[1]);
	argc--;
	argv++;
	snprintf(name, sizeof(name), "gmemtrace %s", subcommand->name);
	argv[0] = name;
	command = command_split(&argc, argv);
	return subcommand->run(argc, argv, command);
}
