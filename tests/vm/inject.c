// SPDX-License-Identifier: GPL-2.0
/*
 * inject N CMD...: runs CMD while one in N calls of set_direct_map_valid_noflush() fails, see
 * inject.bpf.c; says on standard error how many did. Ends with CMD's status, 2 where it cannot.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject.skel.h"
#include "program.h"

int main(int argc, char **argv)
{
	int one_in = argc > 2 ? atoi(argv[1]) : 0;
	struct inject_bpf *inject;
	int status = 2;

	if (one_in <= 0) {
		fprintf(stderr, "usage: inject N CMD...\n");
		return 64;
	}
	inject = inject_bpf__open();
	if (!inject)
		goto failed;
	inject->rodata->one_in = one_in;
	if (inject_bpf__load(inject) || inject_bpf__attach(inject))
		goto failed;
	status = program_run_command(argv + 2);
	fprintf(stderr, "inject: failed=%lu of calls=%lu\n", inject->bss->failed,
		inject->bss->calls);
	inject_bpf__destroy(inject);
	return status;

failed:
	fprintf(stderr, "inject: %s\n", strerror(errno));
	inject_bpf__destroy(inject);
	return status;
}
