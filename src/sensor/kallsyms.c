// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/kallsyms.h"
#include "symbols.skel.h"

/* The first ones may be of per-CPU data, of which one lies at 0. */
bool kallsyms_hidden(FILE *file)
{
	bool hidden = true;
	char line[512];

	while (hidden && fgets(line, sizeof(line), file))
		hidden = !strtoull(line, NULL, 16);
	rewind(file);
	return hidden;
}

static FILE *iterator_open(const struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int descriptor = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");

	if (descriptor >= 0 && !file)
		close(descriptor);
	bpf_link__destroy(link);
	return file;
}

/* NULL: this kernel has no such program, or it may not be loaded. */
static FILE *listed_open(void)
{
	struct symbols_bpf *skeleton = symbols_bpf__open_and_load();
	FILE *file = skeleton ? iterator_open(skeleton->progs.symbols_list) : NULL;

	symbols_bpf__destroy(skeleton);
	return file;
}

FILE *kallsyms_open(void)
{
	FILE *shown = fopen("/proc/kallsyms", "re"), *listed;

	if (!shown || !kallsyms_hidden(shown))
		return shown;
	listed = listed_open();
	if (!listed)
		return shown;
	fclose(shown);
	return listed;
}
