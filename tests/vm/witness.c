// SPDX-License-Identifier: GPL-2.0
/*
 * witness LABEL NAME CMD...: when each flush of kernel mappings by tasks called NAME began and ended
 * while CMD ran, a line "LABEL: BEGIN END" of CLOCK_MONOTONIC's ns each on standard error. Two of them, one
 * attached before another tracer and one after it, hold what that one measures between them.
 * Ends with CMD's status, 2 where it cannot.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program.h"
#include "witness.h"
#include "witness.skel.h"

int main(int argc, char **argv)
{
	struct witness_bpf *witness;
	int status = 2;

	if (argc < 4) {
		fprintf(stderr, "usage: witness LABEL NAME CMD...\n");
		return 64;
	}
	witness = witness_bpf__open();
	if (!witness)
		goto failed;
	snprintf((char *)witness->rodata->name, sizeof(witness->rodata->name), "%s", argv[2]);
	if (witness_bpf__load(witness) || witness_bpf__attach(witness))
		goto failed;
	status = program_run_command(argv + 3);
	for (unsigned long i = 0; i < witness->bss->times && i < WITNESS_FLUSHES_MAX; i++)
		fprintf(stderr, "%s: %lu %lu\n", argv[1], witness->bss->flushes[i].begin,
			witness->bss->flushes[i].end);
	witness_bpf__destroy(witness);
	return status;

failed:
	fprintf(stderr, "witness: %s\n", strerror(errno));
	witness_bpf__destroy(witness);
	return status;
}
