// SPDX-License-Identifier: GPL-2.0
/* VMs, and the slot that holds the guest program. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "kernel/kvm_uapi.h"
#include "vcpu.h"

int kvm_open(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

int vm_probe(void)
{
	int kvm = kvm_open();
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

/* Ours has no such flag, nor has any stock kernel. */
static bool vm_marks_folios(const struct vm *vm)
{
	struct kvm_create_guest_memfd request = {
		.size = LOAD_PAGE_SIZE,
		.flags = GUEST_MEMFD_FLAG_NO_DIRECT_MAP,
	};
	int fd = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &request);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int vm_create_of(struct vm *vm, unsigned long type)
{
	int kvm = kvm_open();

	*vm = (struct vm){ .fd = -1, .gpa_next = AREA_GPA_BEGIN };
	if (kvm < 0)
		return load_fail_call("/dev/kvm: %s", strerror(errno));
	vm->fd = ioctl(kvm, KVM_CREATE_VM, type);
	close(kvm);
	if (vm->fd < 0)
		return load_fail_call("KVM_CREATE_VM: %s", strerror(errno));
	vm->marks_folios = vm_marks_folios(vm);
	return map_boot_slot(vm);
}

int vm_create(struct vm *vm)
{
	return vm_create_of(vm, KVM_X86_SW_PROTECTED_VM);
}

void vm_destroy(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->boot)
		munmap(vm->boot, BOOT_SIZE);
	*vm = (struct vm){ .fd = -1 };
}
