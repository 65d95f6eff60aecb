// SPDX-License-Identifier: GPL-2.0
/* VMs and vCPUs: creation, and commands to the guest program. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "kvm_uapi.h"
#include "vcpu.h"

#define BOOT_SIZE 0x10000
#define BOOT_PROGRAM 0x1000
#define BOOT_MAILBOXES 0x2000
#define MAILBOX_SPACING 64
#define VCPUS_MAX ((BOOT_SIZE - BOOT_MAILBOXES) / MAILBOX_SPACING)
/* Races are lost for a moment only: so many times in a row is a vCPU that does not get on. */
#define RACES_MAX 100000

static int open_kvm(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

int vm_probe(void)
{
	int kvm = open_kvm();
	int types;

	if (kvm < 0)
		return load_cannot_run("/dev/kvm: %s; load the modules kvm and kvm_amd",
				       strerror(errno));
	types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	close(kvm);
	if (types < 0 || !(types & 1 << KVM_X86_SW_PROTECTED_VM))
		return load_cannot_run(
			"this KVM has no KVM_X86_SW_PROTECTED_VM; it needs Linux 6.8 with "
			"CONFIG_KVM_SW_PROTECTED_VM and two-dimensional paging");
	return LOAD_OK;
}

static int map_boot_slot(struct vm *vm)
{
	struct kvm_userspace_memory_region slot = {
		.slot = vm->slots++,
		.memory_size = BOOT_SIZE,
	};

	vm->boot =
		mmap(NULL, BOOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->boot == MAP_FAILED) {
		vm->boot = NULL;
		return load_fail_call("mmap of the boot slot: %s", strerror(errno));
	}
	memcpy(vm->boot + BOOT_PROGRAM, guest_program, guest_program_size);
	slot.userspace_addr = (uintptr_t)vm->boot;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot))
		return load_fail_call("KVM_SET_USER_MEMORY_REGION of the boot slot: %s",
				      strerror(errno));
	return LOAD_OK;
}

int vm_create(struct vm *vm)
{
	int kvm = open_kvm();

	*vm = (struct vm){ .fd = -1, .gpa_next = AREA_GPA_BEGIN };
	if (kvm < 0)
		return load_fail_call("/dev/kvm: %s", strerror(errno));
	vm->fd = ioctl(kvm, KVM_CREATE_VM, (unsigned long)KVM_X86_SW_PROTECTED_VM);
	close(kvm);
	if (vm->fd < 0)
		return load_fail_call("KVM_CREATE_VM: %s", strerror(errno));
	return map_boot_slot(vm);
}

void vm_destroy(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->boot)
		munmap(vm->boot, BOOT_SIZE);
	*vm = (struct vm){ .fd = -1 };
}

static int set_registers(struct area *area, uint64_t mailbox)
{
	struct kvm_segment flat = {
		.limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
		.selector = 16,
	};
	struct kvm_regs regs = { .rip = BOOT_PROGRAM, .rbx = mailbox, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(area->vcpu_fd, KVM_GET_SREGS, &sregs))
		return load_fail_call("KVM_GET_SREGS: %s", strerror(errno));
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	sregs.cs = flat;
	sregs.cs.type = 11;
	sregs.cs.selector = 8;
	sregs.cr0 |= 1; /* protected mode */
	if (ioctl(area->vcpu_fd, KVM_SET_SREGS, &sregs))
		return load_fail_call("KVM_SET_SREGS: %s", strerror(errno));
	if (ioctl(area->vcpu_fd, KVM_SET_REGS, &regs))
		return load_fail_call("KVM_SET_REGS: %s", strerror(errno));
	return LOAD_OK;
}

int vcpu_create(struct area *area)
{
	struct vm *vm = area->vm;
	unsigned long id = vm->vcpus++;
	uint64_t mailbox = BOOT_MAILBOXES + id * MAILBOX_SPACING;
	int kvm = open_kvm();
	int size;

	if (kvm < 0)
		return load_fail_call("/dev/kvm: %s", strerror(errno));
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	close(kvm);
	if (id >= VCPUS_MAX || size < 0)
		return load_fail("cannot create vCPU %lu", id);
	area->vcpu_fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (area->vcpu_fd < 0)
		return load_fail_call("KVM_CREATE_VCPU: %s", strerror(errno));
	area->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, area->vcpu_fd, 0);
	if (area->run == MAP_FAILED) {
		area->run = NULL;
		return load_fail_call("mmap of a vCPU: %s", strerror(errno));
	}
	area->run_size = size;
	area->mailbox = (void *)(vm->boot + mailbox);
	return set_registers(area, mailbox);
}

void vcpu_destroy(struct area *area)
{
	if (area->run)
		munmap(area->run, area->run_size);
	if (area->vcpu_fd >= 0)
		close(area->vcpu_fd);
	area->run = NULL;
	area->vcpu_fd = -1;
}

/* Whether the guest has written to the port that says that the command is done. */
static bool command_is_done(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.port == GUEST_PORT_DONE;
}

static int report_exit(const struct area *area, int error)
{
	/* The layout of kvm_run.memory_fault, which older headers do not have. */
	struct {
		__u64 flags;
		__u64 gpa;
		__u64 size;
	} fault;

	if (error && area->run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
		memcpy(&fault, &area->run->hw, sizeof(fault));
		return load_fail("the vCPU cannot reach guest physical address 0x%llx: %s",
				 (unsigned long long)fault.gpa, strerror(error));
	}
	if (error)
		return load_fail("KVM_RUN: %s", strerror(error));
	return load_fail("the vCPU stopped with exit reason %u", area->run->exit_reason);
}

/* No memory for KVM itself or, then -EFAULT, for the host's page behind a shared one. */
static bool failure_was_injected(int error)
{
	if (!load_failures_expected() || (error != ENOMEM && error != EFAULT))
		return false;
	load_counters.refused += error == ENOMEM;
	return true;
}

int vcpu_run(struct area *area)
{
	unsigned int races = 0;

	for (;;) {
		int error = ioctl(area->vcpu_fd, KVM_RUN, 0) ? errno : 0;

		if (error == EINTR || error == EAGAIN)
			continue;
		if (!error && command_is_done(area->run))
			return LOAD_OK;
		if (failure_was_injected(error) && ++races <= RACES_MAX)
			continue;
		if (!error || area->run->exit_reason != KVM_EXIT_MEMORY_FAULT || !area->contested ||
		    ++races > RACES_MAX)
			return report_exit(area, error);
		/* A conversion came between the fault and its handling. */
		sched_yield();
	}
}
