// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many instructions the verifier walked through for each BPF
 * program that is loaded, one a line with the program's name, and the most of
 * them at last. Run as CMD of `gmemtrace record` these are the sensors.
 *
 * usage: verified [LIMIT]   (status 1 where a program took more than LIMIT, or where there is none)
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

/* The program's name in full: the one in its info ends after 15 characters. */
static void name_print(const struct bpf_prog_info *info, const struct bpf_func_info *function)
{
	struct btf *btf = info->btf_id ? btf__load_from_kernel_by_id(info->btf_id) : NULL;
	const struct btf_type *type = btf ? btf__type_by_id(btf, function->type_id) : NULL;

	fputs(type ? btf__name_by_offset(btf, type->name_off) : info->name, stdout);
	btf__free(btf);
}

/* Returns what the program took, 0 where that cannot be read. */
static unsigned int program_print(__u32 id)
{
	struct bpf_func_info function = {};
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int descriptor = bpf_prog_get_fd_by_id(id);

	if (descriptor < 0)
		return 0;
	info.nr_func_info = 1;
	info.func_info_rec_size = sizeof(function);
	info.func_info = (uintptr_t)&function;
	if (bpf_obj_get_info_by_fd(descriptor, &info, &length))
		info.verified_insns = 0;
	close(descriptor);
	if (info.verified_insns) {
		name_print(&info, &function);
		printf(" %u\n", info.verified_insns);
	}
	return info.verified_insns;
}

int main(int argc, char **argv)
{
	unsigned int limit = argc > 1 ? strtoul(argv[1], NULL, 10) : ~0U;
	unsigned int most = 0;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		unsigned int nr = program_print(id);

		most = nr > most ? nr : most;
	}
	printf("most %u\n", most);
	return !most || most > limit;
}
