// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many instructions the verifier walked through for each BPF
 * program that is loaded, one a line with the program's name, and how often it
 * ran (where kernel.bpf_stats_enabled has them counted), the memory that the
 * programs and their maps are charged with (bytes), and the most instructions
 * at last. Run as CMD of `gmemtrace record` these are the sensors.
 *
 * usage: verified [LIMIT]   (status 1 where a program took more than LIMIT, where there is none, or
 *                            where they hold more than 64 MiB)
 *        verified --peak BYTES CMD [ARG...]
 *
 * peak: runs CMD, looks at /proc/meminfo some thousand times a second meanwhile, and prints by how much, at most, memory
 * was used that was not before: by the kernel, and by processes for themselves. The first is what MemAvailable fell by,
 * without what AnonPages grew by: programs, maps, and what the verifier takes while it walks through them, but no page
 * cache. Both may be wrong by a megabyte or two, which CPUs keep for themselves. Status 1 where the kernel's was more
 * than BYTES, where nothing was seen, or where CMD fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

#define MEMORY_MAX (64ULL << 20)

/* What the kernel says that a program or a map holds, bytes. */
static unsigned long long memory_of(int descriptor)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", descriptor);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "memlock:", 8))
			bytes = strtoull(line + 8, NULL, 10);
	}
	if (file)
		fclose(file);
	return bytes;
}

static unsigned long long memory_all(void)
{
	unsigned long long bytes = 0;
	int descriptor;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		descriptor = bpf_prog_get_fd_by_id(id);
		bytes += descriptor < 0 ? 0 : memory_of(descriptor);
		close(descriptor);
	}
	id = 0;
	while (!bpf_map_get_next_id(id, &id)) {
		descriptor = bpf_map_get_fd_by_id(id);
		bytes += descriptor < 0 ? 0 : memory_of(descriptor);
		close(descriptor);
	}
	return bytes;
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
		printf(" %u %llu\n", info.verified_insns, (unsigned long long)info.run_cnt);
	}
	return info.verified_insns;
}

#define CALM (512ULL << 10) /* bytes, in two seconds */

/* Bytes; 0: it cannot be read. */
struct memory {
	unsigned long long available, own;
};

static struct memory memory_read(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	struct memory memory = {};
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (!sscanf(line, "MemAvailable: %llu", &memory.available) &&
		    sscanf(line, "AnonPages: %llu", &memory.own))
			break;
	}
	if (file)
		fclose(file);
	memory.available <<= 10;
	memory.own <<= 10;
	return memory;
}

/* What ran before may still be giving its memory back. */
static struct memory memory_settled(void)
{
	struct memory last = memory_read(), now;
	int calm = 0;
	__u32 id = 0;

	for (int tenths = 0; tenths < 600 && calm < 20; tenths++) {
		usleep(100000);
		now = memory_read();
		calm = bpf_prog_get_next_id(0, &id) && now.available < last.available + CALM
			       ? calm + 1
			       : 0;
		last = calm ? last : now;
	}
	return memory_read();
}

static long long larger(long long left, long long right)
{
	return left > right ? left : right;
}

static int peak(long long limit, char **command)
{
	struct memory before = memory_settled(), now;
	long long kernel = 0, own = 0;
	int status = -1;
	pid_t child = fork();

	if (!child) {
		execvp(command[0], command);
		_exit(127);
	}
	while (child > 0 && !waitpid(child, &status, WNOHANG)) {
		now = memory_read();
		own = larger(own, (long long)(now.own - before.own));
		kernel = larger(kernel, (long long)(before.available - now.available -
						    (now.own - before.own)));
		usleep(100);
	}
	printf("peak %lld own %lld\n", kernel, own);
	return status || !kernel || kernel > limit;
}

int main(int argc, char **argv)
{
	unsigned int limit = argc > 1 ? strtoul(argv[1], NULL, 10) : ~0U;
	unsigned long long memory;
	unsigned int most = 0;
	__u32 id = 0;

	if (argc > 3 && !strcmp(argv[1], "--peak"))
		return peak(strtoll(argv[2], NULL, 10), argv + 3);
	while (!bpf_prog_get_next_id(id, &id)) {
		unsigned int nr = program_print(id);

		most = nr > most ? nr : most;
	}
	memory = memory_all();
	printf("memory %llu\nmost %u\n", memory, most);
	return !most || most > limit || memory > MEMORY_MAX;
}
