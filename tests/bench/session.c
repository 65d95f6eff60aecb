// SPDX-License-Identifier: GPL-2.0
/*
 * session pair|session|slot|cookie COMMAND...: runs COMMAND while begin and end of each flush are hooked so. What
 * takes times has to have taken some. Exits with its status, 2: cannot.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bpf/begin_slot.h"
#include "program.h"
#include "session.skel.h"

#define TRACE_FSESSION 58 /* enum bpf_attach_type has it from 7.0 on */

/* The way that is asked for, its programs alone to be loaded. */
static bool choose(struct session_bpf *programs, const char *way)
{
	struct {
		const char *way;
		struct bpf_program *programs[2];
	} ways[] = {
		{ "pair", { programs->progs.pair_enter, programs->progs.pair_exit } },
		{ "session", { programs->progs.session } },
		{ "slot", { programs->progs.slot_enter, programs->progs.slot_exit } },
		{ "cookie", { programs->progs.cookie } },
	};
	bool found = false;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		bool wanted = !strcmp(ways[i].way, way);

		found |= wanted;
		for (size_t j = 0; j < 2 && ways[i].programs[j]; j++)
			bpf_program__set_autoload(ways[i].programs[j], wanted);
		/* libbpf 1.1 loads and attaches what it does not know. */
		if (!ways[i].programs[1])
			bpf_program__set_expected_attach_type(ways[i].programs[0], TRACE_FSESSION);
	}
	return found;
}

int main(int argc, char **argv)
{
	struct session_bpf *programs = session_bpf__open();
	bool times;
	int status = 2;

	if (argc < 3 || !programs || !choose(programs, argv[1])) {
		fprintf(stderr, "usage: session pair|session|slot|cookie COMMAND...\n");
		session_bpf__destroy(programs);
		return 64;
	}
	times = !strcmp(argv[1], "slot") || !strcmp(argv[1], "cookie");
	if (session_bpf__load(programs) || session_bpf__attach(programs)) {
		fprintf(stderr, "session: this kernel cannot hook both ends like this\n");
		goto out;
	}
	status = program_run_command(argv + 2);
	if (!status && times && !programs->bss->timed) {
		fprintf(stderr, "session: no flush was timed\n");
		status = 2;
	}
out:
	session_bpf__destroy(programs);
	return status;
}
