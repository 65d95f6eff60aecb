// SPDX-License-Identifier: GPL-2.0
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUEST_ADDRESS (1ULL << 32)

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(2);
}

/* The slot's other memory stays mapped: only its address is needed again. */
static void *shared_memory(size_t size)
{
	static void *shared;
	static size_t mapped;

	if (size > mapped) {
		shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		mapped = size;
	}
	if (shared == MAP_FAILED)
		bench_die("mmap");
	return shared;
}

uint64_t memory_bind(const struct memory *memory)
{
	struct kvm_userspace_memory_region2 slot = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = GUEST_ADDRESS,
		.memory_size = memory->pages * PAGE,
		.guest_memfd = memory->memory,
	};
	uint64_t begin;

	slot.userspace_addr = (uintptr_t)shared_memory(slot.memory_size);
	begin = clock_read(CLOCK_MONOTONIC);
	if (ioctl(memory->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		bench_die("KVM_SET_USER_MEMORY_REGION2");
	return clock_read(CLOCK_MONOTONIC) - begin;
}

void memory_unbind(const struct memory *memory)
{
	struct kvm_userspace_memory_region2 slot = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = GUEST_ADDRESS,
		.guest_memfd = memory->memory,
	};

	if (ioctl(memory->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		bench_die("KVM_SET_USER_MEMORY_REGION2, of no size");
}

void memory_close(struct memory *memory)
{
	if (memory->vcpu >= 0)
		close(memory->vcpu);
	close(memory->memory);
	close(memory->vm);
	memory->vcpu = -1;
	memory->memory = -1;
	memory->vm = -1;
}

struct memory memory_create(size_t pages, uint64_t flags)
{
	struct kvm_create_guest_memfd request = { .size = pages * PAGE, .flags = flags };
	struct memory memory = { .pages = pages, .vcpu = -1 };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	memory.vm = ioctl(kvm, KVM_CREATE_VM, (unsigned long)KVM_X86_SW_PROTECTED_VM);
	if (memory.vm < 0)
		bench_die("KVM_CREATE_VM");
	close(kvm);
	memory.memory = ioctl(memory.vm, KVM_CREATE_GUEST_MEMFD, &request);
	if (memory.memory < 0)
		bench_die("KVM_CREATE_GUEST_MEMFD");
	memory_bind(&memory);
	return memory;
}

uint64_t memory_populate(const struct memory *memory)
{
	uint64_t begin = clock_read(CLOCK_MONOTONIC);

	if (fallocate(memory->memory, FALLOC_FL_KEEP_SIZE, 0, memory->pages * PAGE))
		bench_die("fallocate");
	return clock_read(CLOCK_MONOTONIC) - begin;
}

uint64_t memory_punch(const struct memory *memory)
{
	uint64_t begin = clock_read(CLOCK_MONOTONIC);

	if (fallocate(memory->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      memory->pages * PAGE))
		bench_die("punching a hole");
	return clock_read(CLOCK_MONOTONIC) - begin;
}

void memory_declare(const struct memory *memory, bool present)
{
	struct kvm_gmem_direct_map change = { .size = memory->pages * PAGE, .present = present };

	if (ioctl(memory->memory, KVM_GMEM_SET_DIRECT_MAP, &change))
		bench_die("KVM_GMEM_SET_DIRECT_MAP");
}

uint64_t memory_convert(const struct memory *memory, size_t first, size_t nr, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = GUEST_ADDRESS + first * PAGE,
		.size = nr * PAGE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	uint64_t begin = clock_read(CLOCK_MONOTONIC);

	if (ioctl(memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes))
		bench_die("KVM_SET_MEMORY_ATTRIBUTES");
	return clock_read(CLOCK_MONOTONIC) - begin;
}

/* One of the vCPUs that fault a memory in at random, each its own share. */
struct random_vcpu {
	const struct memory *memory;
	pthread_t thread;
	int vcpu;
	size_t first;
	size_t nr;
};

static void *fault_share(void *argument)
{
	const struct random_vcpu *random = argument;

	for (size_t i = random->first; i < random->first + random->nr; i++) {
		/* Odd, so that each page of a power of two has its turn once. */
		size_t page = i * 0x9e3779b1 & (random->memory->pages - 1);
		struct kvm_pre_fault_memory range = { .gpa = GUEST_ADDRESS + page * PAGE,
						      .size = PAGE };

		while (range.size && ioctl(random->vcpu, KVM_PRE_FAULT_MEMORY, &range)) {
			if (errno != EINTR && errno != EAGAIN)
				bench_die("KVM_PRE_FAULT_MEMORY");
		}
	}
	return NULL;
}

uint64_t memory_fault_randomly(const struct memory *memory, int *vcpus, unsigned int nr)
{
	struct random_vcpu random[64];
	uint64_t begin;

	for (unsigned int i = 0; i < nr; i++) {
		if (vcpus[i] < 0)
			vcpus[i] = ioctl(memory->vm, KVM_CREATE_VCPU, (unsigned long)i);
		if (vcpus[i] < 0)
			bench_die("KVM_CREATE_VCPU");
		random[i] = (struct random_vcpu){ memory, 0, vcpus[i], memory->pages / nr * i,
						  memory->pages / nr };
	}
	begin = clock_read(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < nr; i++) {
		if (pthread_create(&random[i].thread, NULL, fault_share, &random[i]))
			bench_die("pthread_create");
	}
	for (unsigned int i = 0; i < nr; i++)
		pthread_join(random[i].thread, NULL);
	return clock_read(CLOCK_MONOTONIC) - begin;
}

uint64_t memory_fault(struct memory *memory)
{
	struct kvm_pre_fault_memory range = { .gpa = GUEST_ADDRESS, .size = memory->pages * PAGE };
	uint64_t begin;

	if (memory->vcpu < 0)
		memory->vcpu = ioctl(memory->vm, KVM_CREATE_VCPU, 0UL);
	if (memory->vcpu < 0)
		bench_die("KVM_CREATE_VCPU");
	begin = clock_read(CLOCK_MONOTONIC);
	while (range.size) {
		if (ioctl(memory->vcpu, KVM_PRE_FAULT_MEMORY, &range) && errno != EINTR &&
		    errno != EAGAIN)
			bench_die("KVM_PRE_FAULT_MEMORY");
	}
	return clock_read(CLOCK_MONOTONIC) - begin;
}

void print_per_page(const char *what, uint64_t ns, size_t pages)
{
	printf("%s %.2f\n", what, (double)ns / pages);
	fflush(stdout);
}
