// SPDX-License-Identifier: GPL-2.0
/*
 * What user space can do to a guest_memfd besides converting it, at the worst moment. Whatever happens,
 * the kernel has nothing to say, KVM can be unloaded afterwards, and memory can be used again.
 *
 * slots     a memslot is deleted and added while others convert, punch, allocate and declare
 * kill      SIGKILL for a process whose threads do all of that and fault
 * memcg     the same below a limit that it does not keep to; the charge is gone with it
 * fork      the last file descriptor, and the VM's, are a child's that outlives its parent
 * sockets   the last reference is a message of two sockets that nobody can reach any more
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
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assault.h"
#include "memory.h"

#define PAGES 1024UL
/* Of a file of 1 GiB, where a fault prepares up to 512 pages: as many as nobody but faults and holes touch. */
#define FILE_PAGES (1UL << 18)
#define FAULTED 4096UL
#define WORKERS 3
#define GROUP "attack"
#define GROUP_LIMIT "8388608"

struct worker {
	const struct memory *memory;
	unsigned int seed;
	bool tolerant; /* of calls that fail, as they do without a slot or without memory */
	pthread_t thread;
};

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

	while (assault_time_is_left()) {
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
	for (; assault_time_is_left(); done++) {
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

	for (; assault_time_is_left(); done++) {
		pid_t child = fork_checked();

		if (!child) {
			assault_goes_on();
			victim();
		}
		usleep((unsigned int)rand_r(&seed) % 300000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return done;
}

static unsigned int attack_memcg(void)
{
	unsigned int done = 0;

	limit_create(GROUP, GROUP_LIMIT);
	for (; assault_time_is_left(); done++) {
		pid_t child = fork_checked();

		if (!child) {
			limit_enter(GROUP);
			assault_goes_on();
			victim();
		}
		usleep(500000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	limit_wait_for_uncharge(GROUP);
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

	for (; assault_time_is_left(); done++) {
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

	for (; assault_time_is_left(); done++) {
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

static const struct assault attacks[] = {
	{ "slots", attack_slots }, { "kill", attack_kill },	  { "memcg", attack_memcg },
	{ "fork", attack_fork },   { "sockets", attack_sockets }, { "reuse", attack_reuse },
};

int main(int argc, char **argv)
{
	return assault_run(attacks, sizeof(attacks) / sizeof(*attacks), argc, argv);
}
