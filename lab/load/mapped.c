// SPDX-License-Identifier: GPL-2.0
/*
 * guest_memfds that user space maps: one that leaves the direct map page by page as it is touched
 * (GUEST_MEMFD_FLAG_NO_DIRECT_MAP, a bit in each folio), and one that did not ask for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "area.h"
#include "kernel/kvm_uapi.h"
#include "load.h"

#define WORDS_PER_PAGE (LOAD_PAGE_SIZE / sizeof(uint64_t))
#define MAPPED_FLAGS (GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)

struct mapped {
	int gmem;
	bool writes; /* write() can fill its pages */
	uint64_t pages;
	uint64_t *words;
};

/*
 * Where a VM has private memory, the production series shares none of it from the start, and says so:
 * one of the default type has none.
 */
static int mapped_vm(struct vm *vm)
{
	int status = vm_create(vm), known;

	if (status)
		return status;
	known = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS);
	if (known <= 0 || ((uint64_t)known & MAPPED_FLAGS) == MAPPED_FLAGS)
		return LOAD_OK;
	vm_destroy(vm);
	return vm_create_of(vm, KVM_X86_DEFAULT_VM);
}

static int mapped_open(struct mapped *mapped, const struct vm *vm, uint64_t pages, uint64_t flags)
{
	struct kvm_create_guest_memfd request = {
		.size = pages * LOAD_PAGE_SIZE,
		.flags = MAPPED_FLAGS | flags,
	};

	*mapped = (struct mapped){ .pages = pages, .writes = true };
	request.flags |= GUEST_MEMFD_FLAG_WRITE;
	mapped->gmem = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &request);
	if (mapped->gmem < 0 && errno == EINVAL) {
		mapped->writes = false;
		request.flags &= ~GUEST_MEMFD_FLAG_WRITE;
		mapped->gmem = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &request);
	}
	if (mapped->gmem < 0)
		return load_cannot_run("this guest_memfd cannot be mapped and leave the direct "
				       "map: it does not know flags 0x%llx",
				       (unsigned long long)request.flags);
	mapped->words =
		mmap(NULL, request.size, PROT_READ | PROT_WRITE, MAP_SHARED, mapped->gmem, 0);
	if (mapped->words != MAP_FAILED)
		return LOAD_OK;
	mapped->words = NULL;
	return load_fail("mmap of a guest_memfd: %s", strerror(errno));
}

static void mapped_close(struct mapped *mapped)
{
	if (mapped->words)
		munmap(mapped->words, mapped->pages * LOAD_PAGE_SIZE);
	if (mapped->gmem >= 0)
		close(mapped->gmem);
}

/* What was never written to is zero, and what was written stays. */
static int mapped_touch(const struct mapped *mapped, uint64_t first, uint64_t nr, uint64_t key)
{
	uint64_t *words = mapped->words;

	if (!words)
		return load_fail("the guest_memfd is not mapped");
	for (uint64_t page = first; page < first + nr; page++) {
		if (words[page * WORDS_PER_PAGE])
			return load_fail("page %llu is not zero", (unsigned long long)page);
		words[page * WORDS_PER_PAGE] = key ^ page;
	}
	for (uint64_t page = first; page < first + nr; page++) {
		if (words[page * WORDS_PER_PAGE] != (key ^ page))
			return load_fail("page %llu lost what was written",
					 (unsigned long long)page);
	}
	load_counters.faulted += nr;
	load_counters.verified += nr;
	return LOAD_OK;
}

static int mapped_allocate(const struct mapped *mapped, int mode, uint64_t first, uint64_t nr)
{
	load_counters.requests++;
	if (fallocate(mapped->gmem, mode | FALLOC_FL_KEEP_SIZE, (off_t)(first * LOAD_PAGE_SIZE),
		      (off_t)(nr * LOAD_PAGE_SIZE)))
		return load_fail("fallocate of a guest_memfd: %s", strerror(errno));
	return LOAD_OK;
}

static int mapped_write_page(const struct mapped *mapped, uint64_t page, uint64_t word)
{
	uint64_t words[WORDS_PER_PAGE] = { word };
	ssize_t written =
		pwrite(mapped->gmem, words, sizeof(words), (off_t)(page * LOAD_PAGE_SIZE));

	if (written < 0)
		return -errno;
	return written == sizeof(words) ? 0 : -EIO;
}

/* What write() fills is present until it is touched: the half that is cannot be written any more. */
static int mapped_write(const struct mapped *mapped, uint64_t first, uint64_t nr, uint64_t key)
{
	const uint64_t *words = mapped->words;

	if (!mapped->writes || !words)
		return LOAD_OK;
	for (uint64_t page = first; page < first + nr; page++) {
		int error = mapped_write_page(mapped, page, key ^ page);

		if (error)
			return load_fail("write to page %llu of a guest_memfd: %s",
					 (unsigned long long)page, strerror(-error));
	}
	for (uint64_t page = first; page < first + nr / 2; page++) {
		if (words[page * WORDS_PER_PAGE] != (key ^ page))
			return load_fail("page %llu lost what was written",
					 (unsigned long long)page);
	}
	load_counters.faulted += nr / 2;
	load_counters.verified += nr / 2;
	return LOAD_OK;
}

/* The kernel would copy through the direct map: it has to refuse. */
static int mapped_refuses_kernel(const struct mapped *mapped)
{
	uint64_t copy;
	struct iovec local = { &copy, sizeof(copy) };
	struct iovec remote = { mapped->words, sizeof(copy) };

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) >= 0)
		return load_fail("the kernel reads what is out of the direct map");
	if (mapped->writes && mapped_write_page(mapped, 0, 0) != -EEXIST)
		return load_fail("the kernel writes what is out of the direct map");
	return LOAD_OK;
}

/*
 * A quarter is touched, one is resident and untouched, one is neither or, the half of it, written; then a
 * hole, and again.
 */
static int mapped_use(const struct mapped *mapped, uint64_t key)
{
	uint64_t quarter = mapped->pages / 4;
	int status = mapped_touch(mapped, 0, 2 * quarter, key);

	if (!status)
		status = mapped_allocate(mapped, 0, 2 * quarter, quarter);
	if (!status)
		status = mapped_allocate(mapped, FALLOC_FL_PUNCH_HOLE, quarter, quarter);
	if (!status)
		status = mapped_touch(mapped, quarter + quarter / 2, quarter / 2, ~key);
	if (!status)
		status = mapped_write(mapped, 3 * quarter, quarter / 2, key);
	return status;
}

static int mapped_round(const struct vm *vm, const struct load_options *options, unsigned int round)
{
	struct mapped absent = { .gmem = -1 }, plain = { .gmem = -1 };
	int status = mapped_open(&absent, vm, options->pages, GUEST_MEMFD_FLAG_NO_DIRECT_MAP);

	if (!status)
		status = mapped_open(&plain, vm, options->pages, 0);
	if (!status)
		status = mapped_use(&absent, options->seed + round);
	if (!status)
		status = mapped_use(&plain, options->seed + round);
	if (!status)
		status = mapped_refuses_kernel(&absent);
	if (!status && round + 1 == options->rounds)
		load_hold(options);
	mapped_close(&plain);
	mapped_close(&absent);
	return status;
}

int scenario_mapped(const struct load_options *options)
{
	uint64_t begin = load_now_ns();
	struct vm vm = { .fd = -1 };
	int status = vm_probe();

	if (!status)
		status = mapped_vm(&vm);
	if (!status && options->pages < 8)
		status = load_fail("mapped needs 8 pages or more");
	for (unsigned int round = 0; round < options->rounds && !status; round++)
		status = mapped_round(&vm, options, round);
	vm_destroy(&vm);
	if (!status)
		load_summary("mapped", options, begin);
	return status;
}
