// SPDX-License-Identifier: GPL-2.0
/*
 * empty COMMAND...: runs COMMAND while programs that do nothing stand at the hooks of the verdict's
 * sensors: what is left of their cost when they do nothing. Exits with its status, 2: cannot.
 */
#include <stdio.h>

#include "empty.skel.h"
#include "program.h"

int main(int argc, char **argv)
{
	struct empty_bpf *programs;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: empty COMMAND...\n");
		return 64;
	}
	programs = empty_bpf__open_and_load();
	if (!programs || empty_bpf__attach(programs)) {
		fprintf(stderr, "empty: this kernel refuses programs that do nothing\n");
		return 2;
	}
	status = program_run_command(argv + 1);
	empty_bpf__destroy(programs);
	return status;
}
