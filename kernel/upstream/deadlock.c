// SPDX-License-Identifier: GPL-2.0
/*
 * A memory failure in a guest_memfd against a hole that is punched into it: the one holds the folio's
 * lock and waits for invalidate_lock, the other holds invalidate_lock and waits for the folio's. Needs
 * a guest_memfd that user space can map (6.18), and CONFIG_MEMORY_FAILURE. Ends with 0 after all
 * rounds, with 1 where two of them wait for each other, with 4 where it cannot be tried.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef KVM_CREATE_GUEST_MEMFD
struct kvm_create_guest_memfd {
	uint64_t size;
	uint64_t flags;
	uint64_t reserved[6];
};
#define KVM_CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define FLAG_MMAP (1ULL << 0)
#define FLAG_INIT_SHARED (1ULL << 1)
#define EXIT_CANNOT 4

#define PAGE 4096UL
#define PAGES 4096UL
#define ROUNDS 300
#define PATIENCE 20 /* s: a round takes some milliseconds */

struct progress {
	_Atomic int rounds;
};

static int memory;
static char *pages;
static pthread_barrier_t gate;

static _Noreturn void cannot(const char *what)
{
	fprintf(stderr, "deadlock: %s: %s\n", what, strerror(errno));
	_exit(EXIT_CANNOT);
}

/* Anew, as the entry of a page that has failed stays in the page tables, whatever becomes of the page. */
static void map_all(void)
{
	int fixed = pages ? MAP_FIXED : 0;

	pages = mmap(pages, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, memory, 0);
	if (pages == MAP_FAILED)
		cannot("mmap of a guest_memfd");
}

static void prepare(void)
{
	struct kvm_create_guest_memfd request = { .size = PAGES * PAGE,
						  .flags = FLAG_MMAP | FLAG_INIT_SHARED };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0UL);

	if (vm < 0)
		cannot("/dev/kvm");
	memory = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &request);
	if (memory < 0)
		cannot("a guest_memfd that can be mapped");
	map_all();
}

static void punch_all(void)
{
	if (fallocate(memory, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, PAGES * PAGE))
		cannot("a hole");
}

static void *punch(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&gate);
		punch_all();
		pthread_barrier_wait(&gate);
	}
	return unused;
}

/* Whoever has its page fail is told so, and goes on. */
static void take_signal(int number)
{
	(void)number;
}

/* The page in the middle is gone now and then before it is hit: then it is another that fails. */
static void fail_in_the_middle(struct progress *progress)
{
	pthread_t puncher;

	signal(SIGBUS, take_signal);
	pthread_barrier_init(&gate, NULL, 2);
	if (pthread_create(&puncher, NULL, punch, NULL))
		cannot("a thread");
	for (int i = 0; i < ROUNDS; i++) {
		if (madvise(pages, PAGES * PAGE, MADV_POPULATE_WRITE))
			cannot("MADV_POPULATE_WRITE");
		pthread_barrier_wait(&gate);
		if (madvise(pages + PAGES / 2 * PAGE, PAGE, MADV_HWPOISON) && errno != EBUSY)
			cannot("MADV_HWPOISON");
		pthread_barrier_wait(&gate);
		/* It may have come back behind the hole, poisoned. */
		punch_all();
		map_all();
		atomic_fetch_add(&progress->rounds, 1);
	}
	pthread_join(puncher, NULL);
}

/* Where each thread of the child waits, as far as the kernel tells. */
static void tell_threads(pid_t child)
{
	char path[320], where[256];
	const struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)child);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", (int)child, entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (file && fgets(where, sizeof(where), file))
			printf("%s: %s", entry->d_name, where);
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
}

/* Who cannot be killed cannot be waited for: the child is left behind. */
static int watch(struct progress *progress, pid_t child)
{
	int seen = -1, idle = 0;

	while (idle < PATIENCE) {
		int rounds = atomic_load(&progress->rounds), status;

		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CANNOT;
		idle = rounds == seen ? idle + 1 : 0;
		seen = rounds;
		sleep(1);
	}
	tell_threads(child);
	printf("deadlock after %d rounds\n", seen);
	return 1;
}

int main(void)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	if (progress == MAP_FAILED)
		cannot("mmap");
	child = fork();
	if (child < 0)
		cannot("fork");
	if (!child) {
		prepare();
		fail_in_the_middle(progress);
		_exit(0);
	}
	status = watch(progress, child);
	if (!status)
		printf("%d rounds, no deadlock\n", atomic_load(&progress->rounds));
	return status;
}
