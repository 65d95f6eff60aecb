// SPDX-License-Identifier: GPL-2.0
/*
 * What user space can do to a guest_memfd besides converting it, at the worst moment. Whatever happens,
 * the kernel has nothing to say, KVM can be unloaded afterwards, and memory can be used again.
 *
 * usage: attack slots|kill|memcg|fork|sockets|wide|many|scattered|reuse SECONDS   prints "NAME: ok N", N things done;
 * SIGALRM ends it where something takes a minute longer than it was asked to
 *
 * slots     a memslot is deleted and added while others convert, punch, allocate and declare
 * kill      SIGKILL for a process whose threads do all of that and fault
 * memcg     the same below a limit that it does not keep to; the charge is gone with it
 * fork      the last file descriptor, and the VM's, are a child's that outlives its parent
 * sockets   the last reference is a message of two sockets that nobody can reach any more
 * wide      a slot of almost 1 TiB, one page of which is private, is deleted and added
 * many      the memory of 2100 guest_memfds is converted by one call
 * scattered one call converts 4096 runs of pages, all of which it has to remember in case it fails: it takes
 *           the memory for that a page at a time
 * reuse     all free memory is written to: a page that was freed absent would be an oops
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

#define PAGES 1024UL
/* Of a file of 1 GiB, where a fault prepares up to 512 pages: as many as nobody but faults and holes touch. */
#define FILE_PAGES (1UL << 18)
#define FAULTED 4096UL
#define WORKERS 3
#define NS 1000000000ULL
#define MANY 2100U
#define SCATTERED 4096U
/* As much as fits between 4 GiB and what a guest of QEMU's can address. */
#define WIDE (((1ULL << 40) - (8ULL << 30)) / PAGE)
#define GROUP "/sys/fs/cgroup/attack"
#define GROUP_LIMIT "8388608"
#define TRACING "/sys/kernel/tracing"

static uint64_t deadline;

struct worker {
	const struct memory *memory;
	unsigned int seed;
	bool tolerant; /* of calls that fail, as they do without a slot or without memory */
	pthread_t thread;
};

static bool time_is_left(void)
{
	return clock_read(CLOCK_MONOTONIC) < deadline;
}

static void try_conversion(const struct worker *worker, size_t first, size_t nr, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = (1ULL << 32) + first * PAGE,
		.size = nr * PAGE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	if (ioctl(worker->memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes) && !worker->tolerant)
		bench_die("KVM_SET_MEMORY_ATTRIBUTES");
}

static void try_declaration(const struct worker *worker, size_t first, size_t nr, bool present)
{
	struct kvm_gmem_direct_map change = { .offset = first * PAGE,
					      .size = nr * PAGE,
					      .present = present };

	if (ioctl(worker->memory->memory, KVM_GMEM_SET_DIRECT_MAP, &change) && !worker->tolerant)
		bench_die("KVM_GMEM_SET_DIRECT_MAP");
}

static void try_fallocate(const struct worker *worker, int mode, size_t first, size_t nr)
{
	if (fallocate(worker->memory->memory, FALLOC_FL_KEEP_SIZE | mode, (off_t)(first * PAGE),
		      (off_t)(nr * PAGE)) &&
	    !worker->tolerant)
		bench_die("fallocate");
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	while (time_is_left()) {
		size_t first = (size_t)rand_r(&worker->seed) % PAGES;
		size_t nr = 1 + (size_t)rand_r(&worker->seed) % (PAGES - first);

		switch (rand_r(&worker->seed) % 5) {
		case 0:
			try_conversion(worker, first, nr, true);
			break;
		case 1:
			try_conversion(worker, first, nr, false);
			break;
		case 2:
			try_declaration(worker, first, nr, nr & 1);
			break;
		case 3:
			try_fallocate(worker, FALLOC_FL_PUNCH_HOLE, first, nr);
			break;
		default:
			try_fallocate(worker, 0, first, nr);
			break;
		}
	}
	return NULL;
}

static void workers_start(struct worker *workers, const struct memory *memory, bool tolerant)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .memory = memory, .seed = i, .tolerant = tolerant };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			bench_die("pthread_create");
	}
}

static void workers_join(struct worker *workers)
{
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
}

static unsigned int attack_slots(void)
{
	struct memory memory = memory_create(FILE_PAGES, KVM_GMEM_NO_DIRECT_MAP);
	struct worker workers[WORKERS];
	unsigned int done = 0;

	workers_start(workers, &memory, false);
	for (; time_is_left(); done++) {
		memory_unbind(&memory);
		memory_bind(&memory);
	}
	workers_join(workers);
	return done;
}

/* Never returns. What it does may fail: there is a limit, or an end. */
static void victim(void)
{
	struct memory memory = memory_create(FILE_PAGES, KVM_GMEM_NO_DIRECT_MAP);
	struct worker workers[WORKERS], mine = { .memory = &memory, .tolerant = true };

	try_conversion(&mine, 0, FILE_PAGES, true);
	workers_start(workers, &memory, true);
	for (;;) {
		struct kvm_pre_fault_memory range = { .gpa = 1ULL << 32, .size = FAULTED * PAGE };

		if (memory.vcpu < 0)
			memory.vcpu = ioctl(memory.vm, KVM_CREATE_VCPU, 0UL);
		ioctl(memory.vcpu, KVM_PRE_FAULT_MEMORY, &range);
		range.gpa += (FAULTED - PAGES) * PAGE;
		range.size = PAGES * PAGE;
		ioctl(memory.vcpu, KVM_PRE_FAULT_MEMORY, &range);
		try_fallocate(&mine, FALLOC_FL_PUNCH_HOLE, PAGES, FAULTED - PAGES);
	}
}

static pid_t fork_checked(void)
{
	pid_t child = fork();

	if (child < 0)
		bench_die("fork");
	return child;
}

static unsigned int attack_kill(void)
{
	unsigned int done = 0, seed = 1;

	for (; time_is_left(); done++) {
		pid_t child = fork_checked();

		if (!child) {
			deadline += 3600 * NS;
			victim();
		}
		usleep((unsigned int)rand_r(&seed) % 300000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return done;
}

static void write_text(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		bench_die(name);
	close(file);
}

static unsigned long long read_number(const char *name)
{
	FILE *file = fopen(name, "r");
	unsigned long long number = 0;

	if (!file || fscanf(file, "%llu", &number) != 1)
		bench_die(name);
	fclose(file);
	return number;
}

static void limit_begin(void)
{
	mkdir("/sys/fs/cgroup", 0755);
	if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) && errno != EBUSY)
		bench_die("mounting cgroup2");
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		bench_die(GROUP);
	write_text(GROUP "/memory.max", GROUP_LIMIT);
}

/* Caches of CPUs hold a charge for a while after the last page is gone. */
static bool charge_is_gone(void)
{
	for (int i = 0; i < 100; i++) {
		if (read_number(GROUP "/memory.current") < 1 << 20)
			return true;
		write_text(GROUP "/memory.reclaim", "1M");
		usleep(100000);
	}
	return false;
}

static unsigned int attack_memcg(void)
{
	unsigned int done = 0;

	limit_begin();
	for (; time_is_left(); done++) {
		pid_t child = fork_checked();

		if (!child) {
			write_text(GROUP "/cgroup.procs", "0");
			deadline += 3600 * NS;
			victim();
		}
		usleep(500000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (!charge_is_gone()) {
		fprintf(stderr, "attack: %llu bytes are still charged\n",
			read_number(GROUP "/memory.current"));
		exit(1);
	}
	return done;
}

/* The VM is of another process: it refuses. The inode does as it is told, and goes with the child. */
static void inherit(struct memory *memory)
{
	struct worker worker = { .memory = memory, .tolerant = true };
	struct kvm_memory_attributes attributes = { .address = 1ULL << 32, .size = PAGE };

	if (!ioctl(memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes) || errno != EIO) {
		fprintf(stderr, "attack: a child converts its parent's memory\n");
		_exit(1);
	}
	try_declaration(&worker, 0, PAGES / 2, true);
	try_fallocate(&worker, FALLOC_FL_PUNCH_HOLE, PAGES / 4, PAGES / 2);
	usleep(20000);
	try_declaration(&worker, 0, PAGES, false);
	_exit(0);
}

static unsigned int attack_fork(void)
{
	unsigned int done = 0;

	for (; time_is_left(); done++) {
		struct memory memory = memory_create(PAGES, KVM_GMEM_NO_DIRECT_MAP);
		pid_t child;
		int status;

		memory_convert(&memory, 0, PAGES, true);
		memory_populate(&memory);
		child = fork_checked();
		if (!child)
			inherit(&memory);
		memory_close(&memory);
		if (waitpid(child, &status, 0) != child || status)
			exit(1);
	}
	return done;
}

/* A socket's end travels in a message to itself, and a guest_memfd with it: then both are closed. */
static void send_files(int to, const int *files, size_t nr)
{
	char byte = 0, room[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = room,
				  .msg_controllen = CMSG_SPACE(nr * sizeof(int)) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(control), files, nr * sizeof(int));
	if (sendmsg(to, &message, 0) != 1)
		bench_die("sendmsg");
}

/* Closing a socket, where some travel, has the kernel look for those that nobody can reach: later, in a worker. */
static void collect_garbage(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		bench_die("socketpair");
	close(ends[0]);
	close(ends[1]);
}

static unsigned int attack_sockets(void)
{
	unsigned int done = 0;

	for (; time_is_left(); done++) {
		struct memory memory = memory_create(PAGES, KVM_GMEM_NO_DIRECT_MAP);
		int ends[2];

		memory_convert(&memory, 0, PAGES, true);
		memory_populate(&memory);
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
			bench_die("socketpair");
		send_files(ends[0], (int[]){ ends[0], memory.memory }, 2);
		send_files(ends[1], (int[]){ ends[1], memory.vm }, 2);
		close(ends[0]);
		close(ends[1]);
		memory_close(&memory);
		collect_garbage();
	}
	usleep(500000);
	collect_garbage();
	usleep(500000);
	return done;
}

static unsigned int attack_wide(void)
{
	struct memory memory = memory_create(WIDE, KVM_GMEM_NO_DIRECT_MAP);
	unsigned int done = 0;

	memory_convert(&memory, 0, 1, true);
	for (; time_is_left(); done++) {
		memory_unbind(&memory);
		memory_bind(&memory);
	}
	memory_close(&memory);
	return done;
}

/* A page of a guest_memfd of its own, behind those of @memory's VM. */
static void add_page(const struct memory *memory, unsigned int nr)
{
	static char shared[PAGE] __attribute__((aligned(PAGE)));
	struct kvm_create_guest_memfd request = { .size = PAGE, .flags = KVM_GMEM_NO_DIRECT_MAP };
	struct kvm_userspace_memory_region2 slot = {
		.slot = nr,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = (1ULL << 32) + nr * PAGE,
		.memory_size = PAGE,
		.userspace_addr = (uintptr_t)shared,
	};
	int file = ioctl(memory->vm, KVM_CREATE_GUEST_MEMFD, &request);

	if (file < 0)
		bench_die("KVM_CREATE_GUEST_MEMFD");
	slot.guest_memfd = (unsigned int)file;
	if (ioctl(memory->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		bench_die("KVM_SET_USER_MEMORY_REGION2");
	if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, PAGE))
		bench_die("fallocate");
}

/* More than lockdep can count as one, were all their locks held at once. */
static unsigned int attack_many(void)
{
	const struct rlimit files = { MANY + 64, MANY + 64 };
	struct memory memory = memory_create(1, KVM_GMEM_NO_DIRECT_MAP);

	if (setrlimit(RLIMIT_NOFILE, &files))
		bench_die("setrlimit");
	for (unsigned int nr = 1; nr < MANY; nr++)
		add_page(&memory, nr);
	for (int i = 0; i < 4; i++)
		memory_convert(&memory, 0, MANY, i % 2 == 0);
	return MANY;
}

static void trace_allocations(const char *on)
{
	char filter[64];

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	snprintf(filter, sizeof(filter), "bytes_req >= %lu && common_pid == %d", PAGE, getpid());
	write_text(TRACING "/events/kmem/kmalloc/filter", filter);
	write_text(TRACING "/events/kmem/kmalloc/enable", on);
}

/* How often this process has allocated a page since, and nothing larger. */
static unsigned int pages_allocated(void)
{
	FILE *trace = fopen(TRACING "/trace", "r");
	unsigned int nr = 0;
	char line[512];

	if (!trace)
		bench_die(TRACING "/trace");
	while (fgets(line, sizeof(line), trace)) {
		const char *size = strstr(line, "bytes_req=");

		if (line[0] == '#' || !size)
			continue;
		if (strtoul(size + strlen("bytes_req="), NULL, 10) > PAGE) {
			fprintf(stderr, "attack: more than a page at once: %s", line);
			exit(1);
		}
		nr++;
	}
	fclose(trace);
	return nr;
}

static unsigned int attack_scattered(void)
{
	struct memory memory = memory_create(2 * SCATTERED, KVM_GMEM_DIRECT_MAP_DYNAMIC);
	unsigned int nr;

	for (unsigned int i = 0; i < SCATTERED; i++)
		memory_convert(&memory, 2 * i, 1, true);
	trace_allocations("1");
	memory_convert(&memory, 0, 2 * SCATTERED, true);
	trace_allocations("0");
	/* Two page offsets a run, less what a page has for itself. */
	nr = pages_allocated();
	if (nr < SCATTERED * 2 * sizeof(uint64_t) / PAGE) {
		fprintf(stderr, "attack: only %u pages were seen to be allocated\n", nr);
		exit(1);
	}
	memory_close(&memory);
	return nr;
}

/* Three quarters of what is free. */
static unsigned int attack_reuse(void)
{
	struct sysinfo info;
	size_t size;
	char *memory;

	if (sysinfo(&info))
		bench_die("sysinfo");
	size = info.freeram * info.mem_unit / 4 * 3;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		bench_die("mmap");
	memset(memory, 1, size);
	munmap(memory, size);
	return (unsigned int)(size / PAGE);
}

static const struct {
	const char *name;
	unsigned int (*run)(void);
} attacks[] = {
	{ "slots", attack_slots }, { "kill", attack_kill },	      { "memcg", attack_memcg },
	{ "fork", attack_fork },   { "sockets", attack_sockets },     { "wide", attack_wide },
	{ "many", attack_many },   { "scattered", attack_scattered }, { "reuse", attack_reuse },
};

int main(int argc, char **argv)
{
	long seconds = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

	for (size_t i = 0; seconds > 0 && i < sizeof(attacks) / sizeof(*attacks); i++) {
		if (strcmp(attacks[i].name, argv[1]))
			continue;
		deadline = clock_read(CLOCK_MONOTONIC) + (uint64_t)seconds * NS;
		alarm((unsigned int)seconds + 60);
		printf("%s: ok %u\n", argv[1], attacks[i].run());
		return 0;
	}
	fprintf(stderr,
		"usage: attack slots|kill|memcg|fork|sockets|wide|many|scattered|reuse SECONDS\n");
	return 64;
}
