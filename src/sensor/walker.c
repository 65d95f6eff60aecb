// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor/touch.h"
#include "sensor/walker.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define PAGE 4096
#define SECRET_NONE 100 /* exit status: no page, and so no state */
#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_PFN ((1ULL << 55) - 1)

/* The pfn behind a page of ours, 0 where it cannot be told. */
static uint64_t page_pfn(const void *page)
{
	int descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (descriptor < 0)
		return 0;
	if (pread(descriptor, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		entry = 0;
	close(descriptor);
	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

int walker_walk_sensors(const void *load, uint64_t pfn)
{
	struct walk_args args = { .pfn = pfn, .state = WALK_UNKNOWN };
	int error = load_run(load, LOAD_PART_KERNEL, LOAD_CALL_WALK, &args, sizeof(args));

	return error ? WALK_UNKNOWN : (int)args.state;
}

/* What walks, and what it is given. */
struct walker {
	walker_walk walk;
	const void *context;
};

/* Walks to a page of @descriptor's (-1: an anonymous one), touched first. */
static int page_walk_mapped(const struct walker *walker, int descriptor)
{
	int flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, descriptor, 0);
	int state = -1;
	uint64_t pfn;

	if (page == MAP_FAILED)
		return -1;
	*(volatile char *)page = 1;
	pfn = page_pfn(page);
	if (pfn)
		state = walker->walk(walker->context, pfn);
	munmap(page, PAGE);
	return state;
}

static int secret_walk(const struct walker *walker)
{
	int descriptor = syscall(SYS_memfd_secret, O_CLOEXEC);
	int state = -1;

	if (descriptor < 0)
		return -1;
	if (!ftruncate(descriptor, PAGE))
		state = page_walk_mapped(walker, descriptor);
	close(descriptor);
	return state;
}

/* In a child: at the limit of locked memory the page is SIGBUS. -1: there is no such page for us. */
static int secret_walk_apart(const struct walker *walker)
{
	pid_t child = fork();
	int state, status;

	if (!child) {
		touch_lift_memlock();
		signal(SIGBUS, SIG_DFL);
		state = secret_walk(walker);
		_exit(state < 0 ? SECRET_NONE : state);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status) == SECRET_NONE ? -1 : WEXITSTATUS(status);
}

int walker_prove(walker_walk walk, const void *context, bool *half, struct sensor_failure *failure)
{
	const struct walker walker = { .walk = walk, .context = context };
	int present = page_walk_mapped(&walker, -1);
	int absent = half ? secret_walk_apart(&walker) : WALK_ABSENT;

	if (half)
		*half = absent < 0;
	if (present != WALK_PRESENT)
		return sensor_fail(
			failure, GMEMTRACE_CANNOT_RUN, -EINVAL,
			"the page-table walker calls an ordinary page %s: it does not understand "
			"this kernel's page tables; please report it with `gmemtrace features`",
			present == WALK_ABSENT ? "absent" : "unreadable");
	if (absent >= 0 && absent != WALK_ABSENT)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EINVAL,
				   "the page-table walker calls a memfd_secret page %s: it does "
				   "not understand this kernel's page tables; please report it "
				   "with `gmemtrace features`",
				   absent == WALK_PRESENT ? "present" : "unreadable");
	return 0;
}
