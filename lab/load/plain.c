// SPDX-License-Identifier: GPL-2.0
/* A guest_memfd as stock kernels have it: filled, read where it can be mapped, never out of the direct map. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/kvm_uapi.h"
#include "load.h"

/* Of KVM_CREATE_GUEST_MEMFD since 6.18; the capability's value has those that this kernel takes. */
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS 244
#endif

#define WORDS_PER_PAGE (LOAD_PAGE_SIZE / sizeof(uint64_t))
#define SLOT_GPA 0x10000000UL

struct plain {
	int kvm, vm, gmem;
	bool mappable;
	uint64_t size;
	void *shared; /* what the slot has beside the guest_memfd */
};

static int plain_open(struct plain *plain, const struct load_options *options)
{
	const __u64 wanted = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED;
	struct kvm_create_guest_memfd args = { .size = options->pages * LOAD_PAGE_SIZE };
	int types, flags;

	plain->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (plain->kvm < 0)
		return load_cannot_run("/dev/kvm: %s", strerror(errno));
	types = ioctl(plain->kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	plain->vm = ioctl(
		plain->kvm, KVM_CREATE_VM,
		types > 0 && types & 1 << KVM_X86_SW_PROTECTED_VM ? KVM_X86_SW_PROTECTED_VM : 0);
	if (plain->vm < 0)
		return load_cannot_run("KVM_CREATE_VM: %s", strerror(errno));
	flags = ioctl(plain->vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS);
	plain->mappable = flags > 0 && (flags & wanted) == wanted;
	args.flags = plain->mappable ? wanted : 0;
	plain->size = args.size;
	plain->gmem = ioctl(plain->vm, KVM_CREATE_GUEST_MEMFD, &args);
	if (plain->gmem < 0)
		return load_cannot_run(
			"this kernel has no guest_memfd (KVM_CREATE_GUEST_MEMFD: %s)",
			strerror(errno));
	return LOAD_OK;
}

/* Some kernels bind it for VMs of other types alone: then it has no slot. */
static int plain_bind(struct plain *plain)
{
	struct kvm_userspace_memory_region2 slot = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = SLOT_GPA,
		.memory_size = plain->size,
		.guest_memfd = plain->gmem,
	};

	plain->shared = mmap(NULL, plain->size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (plain->shared == MAP_FAILED)
		return load_fail("mmap of a slot's memory: %s", strerror(errno));
	slot.userspace_addr = (uintptr_t)plain->shared;
	if (!ioctl(plain->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		return LOAD_OK;
	/* Who looks for the slot is to know that there is none. */
	printf("plain: not bound: KVM_SET_USER_MEMORY_REGION2: %s\n", strerror(errno));
	munmap(plain->shared, plain->size);
	return LOAD_OK;
}

/* Through faults of user space: such pages join where no call of KVM's tells. */
static int plain_touch(const struct plain *plain, uint64_t key)
{
	uint64_t *words =
		mmap(NULL, plain->size, PROT_READ | PROT_WRITE, MAP_SHARED, plain->gmem, 0);
	uint64_t page, pages = plain->size / LOAD_PAGE_SIZE;

	if (words == MAP_FAILED)
		return load_fail("mmap of a guest_memfd: %s", strerror(errno));
	for (page = 0; page < pages; page++)
		words[page * WORDS_PER_PAGE] = key ^ page;
	for (page = 0; page < pages; page++) {
		if (words[page * WORDS_PER_PAGE] != (key ^ page))
			return load_fail("page %llu lost what was written",
					 (unsigned long long)page);
		load_counters.verified++;
	}
	munmap(words, plain->size);
	return LOAD_OK;
}

static int plain_fill(const struct plain *plain, const struct load_options *options)
{
	uint64_t half = options->pages / 2 * LOAD_PAGE_SIZE;
	int status = LOAD_OK;

	if (fallocate(plain->gmem, FALLOC_FL_KEEP_SIZE, 0, half ? half : plain->size))
		return load_fail("fallocate of a guest_memfd: %s", strerror(errno));
	if (plain->mappable)
		status = plain_touch(plain, options->seed);
	if (!status && half &&
	    fallocate(plain->gmem, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, LOAD_PAGE_SIZE))
		return load_fail("punching a hole into a guest_memfd: %s", strerror(errno));
	load_counters.requests += 2;
	load_counters.faulted += options->pages;
	return status;
}

int scenario_plain(const struct load_options *options)
{
	struct plain plain = { .kvm = -1, .vm = -1, .gmem = -1 };
	uint64_t begin = load_now_ns();
	int status = plain_open(&plain, options);

	if (!status)
		status = plain_bind(&plain);
	if (!status)
		status = plain_fill(&plain, options);
	if (!status) {
		load_summary("plain", options, begin);
		load_hold(options);
	}
	close(plain.gmem);
	close(plain.vm);
	close(plain.kvm);
	return status;
}
