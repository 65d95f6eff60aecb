// SPDX-License-Identifier: GPL-2.0
/*
 * What can happen to the memory that faults prepare around them, at the worst moment. Whatever does, the kernel
 * has nothing to say, and what nobody has used is given back.
 *
 * unprepared there is no page table for a window: its pages are nobody's, not prepared, and given back all the same
 * shrink     a shrinker gives windows back while they are faulted in, punched, populated and converted
 * brink      a limit of a memcg goes up and down through the middle of windows; processes are killed on the way
 * poison     memory failure hits pages of windows that nobody has used, while all of this goes on
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
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assault.h"
#include "memory.h"

/* Of a file of 1 GiB, where a fault prepares 512 pages. */
#define FILE_PAGES (1UL << 18)
#define WINDOW 512UL
#define WINDOWS (FILE_PAGES / WINDOW)
/* Windows that are fought over: few, so that all meet in them; more, so that some are not used yet. */
#define BUSY_PAGES (8 * WINDOW)
#define WIDE_PAGES (128 * WINDOW)
#define VCPUS 3U
#define GROUP "windows"
#define FAIL_ALLOC "/sys/kernel/debug/fail_page_alloc/"
#define CORRUPT "/sys/kernel/debug/hwpoison/corrupt-pfn"
/* Of /proc/kpageflags: PG_checked, whose owner we are, and what is no other's that has it. */
#define KPF_UNEVICTABLE 18
#define KPF_HWPOISON 19
#define KPF_OWNER_PRIVATE 37

struct worker {
	const struct memory *memory;
	void (*once)(struct worker *worker);
	size_t pages;
	unsigned int seed;
	int vcpu;
	pthread_t thread;
};

static long long read_number(const char *name, const char *after)
{
	FILE *file = fopen(name, "r");
	long long number = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, after, strlen(after)))
			continue;
		number = strtoll(line + strlen(after), NULL, 10);
		fclose(file);
		return number;
	}
	bench_die(name);
}

/* Pages of files, those of guest_memfds among them. */
static long long file_pages(void)
{
	write_text("/proc/sys/vm/stat_refresh", "1");
	return read_number("/proc/vmstat", "nr_file_pages ");
}

static void give_back(void)
{
	write_text("/proc/sys/vm/drop_caches", "2");
}

/* Fails where memory or the slot is not there, as it may. */
static int prefault(int vcpu, size_t page)
{
	struct kvm_pre_fault_memory range = { .gpa = (1ULL << 32) + page * PAGE, .size = PAGE };

	while (ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &range)) {
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
		if (!assault_time_is_left())
			break;
	}
	return 0;
}

static int vcpu_create(const struct memory *memory, unsigned int nr)
{
	int vcpu = ioctl(memory->vm, KVM_CREATE_VCPU, (unsigned long)nr);

	if (vcpu < 0)
		bench_die("KVM_CREATE_VCPU");
	return vcpu;
}

static size_t random_page(struct worker *worker)
{
	return (size_t)rand_r(&worker->seed) % worker->pages;
}

static void do_fault(struct worker *worker)
{
	int r = prefault(worker->vcpu, random_page(worker));

	/* Shared for now; poisoned. */
	if (r && r != -EFAULT && r != -ENOENT && r != -EHWPOISON && r != -EIO && r != -ENOMEM) {
		errno = -r;
		bench_die("KVM_PRE_FAULT_MEMORY");
	}
}

static void do_allocate(struct worker *worker, int mode, size_t most)
{
	size_t first = random_page(worker);
	size_t nr = 1 + (size_t)rand_r(&worker->seed) % most;

	if (fallocate(worker->memory->memory, FALLOC_FL_KEEP_SIZE | mode, (off_t)(first * PAGE),
		      (off_t)(nr * PAGE)) &&
	    errno != ENOMEM && errno != EINTR)
		bench_die("fallocate");
}

static void do_punch(struct worker *worker)
{
	do_allocate(worker, FALLOC_FL_PUNCH_HOLE, 2 * WINDOW);
}

static void do_populate(struct worker *worker)
{
	do_allocate(worker, 0, 32);
}

static void do_convert(struct worker *worker)
{
	size_t first = random_page(worker);
	struct kvm_memory_attributes attributes = {
		.address = (1ULL << 32) + first * PAGE,
		.size = PAGE * (1 + (size_t)rand_r(&worker->seed) % 16),
	};

	ioctl(worker->memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes);
	attributes.attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE;
	ioctl(worker->memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes);
}

static void do_give_back(struct worker *worker)
{
	(void)worker;
	give_back();
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	while (assault_time_is_left())
		worker->once(worker);
	return NULL;
}

/* The first of them free nothing. */
static void (*const roles[])(struct worker *) = { do_fault,   do_fault, do_fault,    do_populate,
						  do_convert, do_punch, do_give_back };
#define GENTLE_WORKERS 5
#define WORKERS (sizeof(roles) / sizeof(*roles))

/* Nr of the roles, the first of which fault, in so many pages. */
static void workers_start(struct worker *workers, const struct memory *memory, size_t nr,
			  size_t pages)
{
	for (size_t i = 0; i < nr; i++) {
		workers[i] = (struct worker){ .memory = memory,
					      .once = roles[i],
					      .pages = pages,
					      .seed = (unsigned int)(i + 1) };
		if (i < VCPUS)
			workers[i].vcpu = vcpu_create(memory, (unsigned int)i);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			bench_die("pthread_create");
	}
}

static void workers_join(struct worker *workers, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		pthread_join(workers[i].thread, NULL);
		if (i < VCPUS)
			close(workers[i].vcpu);
	}
}

static struct memory create_private(void)
{
	struct memory memory = memory_create(FILE_PAGES, KVM_GMEM_NO_DIRECT_MAP);

	memory_convert(&memory, 0, FILE_PAGES, true);
	return memory;
}

/* Of this kernel's routine @name, from its first instruction to the next routine's. */
static void find_routine(const char *name, unsigned long long *start, unsigned long long *end)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long long address;
	char line[512], found[256];

	*start = 0;
	*end = 0;
	while (symbols && !*end && fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%llx %*c %255s", &address, found) != 2)
			continue;
		if (*start && address > *start)
			*end = address;
		else if (!strcmp(found, name))
			*start = address;
	}
	if (!*end)
		bench_die(name);
	fclose(symbols);
}

static void write_address(const char *name, unsigned long long address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", address);
	write_text(name, text);
}

/* The next page table that this thread needs to split a leaf of the direct map is not to be had. */
static void fail_next_split(void)
{
	unsigned long long start, end;

	find_routine("set_direct_map_4k", &start, &end);
	write_text(FAIL_ALLOC "task-filter", "Y");
	write_text(FAIL_ALLOC "ignore-gfp-wait", "N");
	write_text(FAIL_ALLOC "min-order", "0");
	write_text(FAIL_ALLOC "verbose", "0");
	write_text(FAIL_ALLOC "stacktrace-depth", "32");
	write_address(FAIL_ALLOC "require-start", start);
	write_address(FAIL_ALLOC "require-end", end);
	write_text(FAIL_ALLOC "times", "1");
	write_text(FAIL_ALLOC "probability", "100");
	write_text("/proc/thread-self/make-it-fail", "1");
}

static void is_about(const char *what, long long got, long long want)
{
	if (llabs(got - want) < (long long)WINDOW / 4)
		return;
	fprintf(stderr, "windows: %s: %lld pages, not about %lld\n", what, got, want);
	exit(1);
}

/* A fault whose window could not be prepared has its page; the rest of it is there until it is wanted elsewhere. */
static unsigned int attack_unprepared(void)
{
	struct memory memory = create_private();
	long long before, after;
	size_t window;

	memory.vcpu = vcpu_create(&memory, 0);
	fail_next_split();
	give_back();
	before = file_pages();
	for (window = 0; window < WINDOWS && read_number(FAIL_ALLOC "times", ""); window++) {
		if (prefault(memory.vcpu, window * WINDOW))
			bench_die("KVM_PRE_FAULT_MEMORY");
	}
	write_text("/proc/thread-self/make-it-fail", "0");
	if (window == WINDOWS) {
		fprintf(stderr, "windows: no leaf was to be split\n");
		exit(1);
	}
	is_about("with their windows", file_pages() - before,
		 (long long)window * (long long)WINDOW);
	give_back();
	after = file_pages();
	is_about("when the rest was given back", after - before, (long long)window);
	memory_close(&memory);
	return (unsigned int)window;
}

static unsigned int attack_shrink(void)
{
	struct memory memory = create_private();
	struct worker workers[WORKERS];
	long long before;

	give_back();
	before = file_pages();
	workers_start(workers, &memory, WORKERS, BUSY_PAGES);
	workers_join(workers, WORKERS);
	memory_punch(&memory);
	is_about("when all was punched", file_pages() - before, 0);
	memory_close(&memory);
	return WORKERS;
}

/* Never returns. */
static void victim(unsigned int seed)
{
	struct memory memory = create_private();
	struct worker workers[WORKERS];

	assault_goes_on();
	workers_start(workers, &memory, WORKERS - seed % 2, BUSY_PAGES);
	for (;;)
		pause();
}

/* The limit is met in the middle of windows, at all pages of them. */
static unsigned int attack_brink(void)
{
	unsigned int done = 0, seed = 1;
	char limit[32];

	limit_create(GROUP, "16M");
	for (; assault_time_is_left(); done++) {
		pid_t child = fork();

		if (child < 0)
			bench_die("fork");
		if (!child) {
			limit_enter(GROUP);
			victim(done);
		}
		for (int i = 0; i < 20; i++) {
			usleep((unsigned int)rand_r(&seed) % 20000);
			snprintf(limit, sizeof(limit), "%lu",
				 8 * WINDOW * PAGE +
					 (unsigned int)rand_r(&seed) % (8 * WINDOW) * PAGE);
			limit_set(GROUP, limit);
		}
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	limit_wait_for_uncharge(GROUP);
	return done;
}

/* Page frames of windows that nobody has used yet: at most @nr of them. */
static size_t find_ahead(unsigned long *pfns, size_t nr)
{
	const uint64_t wanted = 1ULL << KPF_OWNER_PRIVATE | 1ULL << KPF_UNEVICTABLE;
	const uint64_t mask = wanted | 1ULL << KPF_HWPOISON;
	FILE *flags = fopen("/proc/kpageflags", "r");
	unsigned long pfn = 0;
	size_t found = 0;
	uint64_t page;

	if (!flags)
		bench_die("/proc/kpageflags");
	for (; found < nr && fread(&page, sizeof(page), 1, flags) == 1; pfn++) {
		if ((page & mask) == wanted)
			pfns[found++] = pfn;
	}
	fclose(flags);
	return found;
}

static void poison(unsigned long pfn)
{
	int file = open(CORRUPT, O_WRONLY);
	char text[32];

	snprintf(text, sizeof(text), "%lu", pfn);
	/* EBUSY: it is poisoned, and stays in the page cache, as guest_memfd wants it. */
	if (file < 0 || (write(file, text, strlen(text)) < 0 && errno != EBUSY))
		bench_die(CORRUPT);
	close(file);
}

/* While nothing is freed: what is poisoned is the guest's then. */
static unsigned int attack_poison(void)
{
	struct memory memory = create_private();
	struct worker workers[GENTLE_WORKERS];
	unsigned long pfns[4096];
	unsigned int done = 0;
	long long before;

	give_back();
	before = file_pages();
	workers_start(workers, &memory, GENTLE_WORKERS, WIDE_PAGES);
	while (assault_time_is_left()) {
		size_t nr = find_ahead(pfns, sizeof(pfns) / sizeof(*pfns));
		size_t some = nr < 16 ? nr : 16;

		for (size_t i = 0; i < some; i++)
			poison(pfns[nr * i / some]);
		done += some;
	}
	workers_join(workers, GENTLE_WORKERS);
	if (!done) {
		fprintf(stderr, "windows: no page that nobody has used was found\n");
		exit(1);
	}
	give_back();
	memory_punch(&memory);
	is_about("when all was punched", file_pages() - before, 0);
	memory_close(&memory);
	return done;
}

static const struct assault attacks[] = {
	{ "unprepared", attack_unprepared },
	{ "shrink", attack_shrink },
	{ "brink", attack_brink },
	{ "poison", attack_poison },
};

int main(int argc, char **argv)
{
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	return assault_run(attacks, sizeof(attacks) / sizeof(*attacks), argc, argv);
}
