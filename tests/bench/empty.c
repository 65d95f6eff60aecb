// SPDX-License-Identifier: GPL-2.0
/*
 * empty [--answers] COMMAND...: runs COMMAND while programs that do nothing stand at the hooks of the
 * verdict's sensors, and of those of CPUs' answers: what is left of their cost when they do nothing.
 * Exits with its status, 2: cannot.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "empty.skel.h"
#include "program.h"

int main(int argc, char **argv)
{
	bool answers = argc > 1 && !strcmp(argv[1], "--answers");
	struct empty_bpf *programs;
	int status;

	argv += answers;
	if (argc - answers < 2) {
		fprintf(stderr, "usage: empty [--answers] COMMAND...\n");
		return 64;
	}
	programs = empty_bpf__open();
	if (programs) {
		bpf_program__set_autoload(programs->progs.csd_queued, answers);
		bpf_program__set_autoload(programs->progs.csd_left, answers);
	}
	if (!programs || empty_bpf__load(programs) || empty_bpf__attach(programs)) {
		fprintf(stderr, "empty: this kernel refuses programs that do nothing\n");
		return 2;
	}
	status = program_run_command(argv + 1);
	empty_bpf__destroy(programs);
	return status;
}
