// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/kvm_uapi.h"
#include "sensor/touch.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define PAGE 4096UL
#define GMEM_PAGES 2
#define WAIT_STEP_NS 1000000L
#define WAIT_STEPS 5000 /* an emulated CPU needs a tenth of a second */

__attribute__((format(printf, 2, 3))) static bool touch_fail(char *reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, TOUCH_REASON_LENGTH, format, arguments);
	va_end(arguments);
	return false;
}

/* Secret pages count against RLIMIT_MEMLOCK when they are touched, on some kernels for root, too. */
void touch_lift_memlock(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (!setrlimit(RLIMIT_MEMLOCK, &limit) || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

static bool touch_secret(char *reason)
{
	int file = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	char *page;

	if (file < 0)
		return touch_fail(reason, "memfd_secret: %s", strerror(errno));
	if (ftruncate(file, PAGE))
		return touch_fail(reason, "ftruncate of a memfd_secret: %s", strerror(errno));
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (page == MAP_FAILED)
		return touch_fail(reason, "mmap of a memfd_secret: %s", strerror(errno));
	/* What is known if the child dies at it. */
	touch_fail(reason, "SIGBUS at a memfd_secret page: RLIMIT_MEMLOCK of this user is used up");
	*(volatile char *)page = 1;
	munmap(page, PAGE);
	close(file);
	return true;
}

static int gmem_create(int vm, uint64_t flags)
{
	struct kvm_create_guest_memfd request = { .size = GMEM_PAGES * PAGE, .flags = flags };

	return ioctl(vm, KVM_CREATE_GUEST_MEMFD, &request);
}

/* A VM that may have guest_memfds: of the type for that, else of the kernel's default. */
static int vm_create(char *reason)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0) {
		touch_fail(reason, "/dev/kvm: %s", strerror(errno));
		return -1;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, (unsigned long)KVM_X86_SW_PROTECTED_VM);
	if (vm < 0)
		vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	if (vm < 0)
		touch_fail(reason, "KVM_CREATE_VM: %s", strerror(errno));
	close(kvm);
	return vm;
}

/* All pages, and one: what lies within a folio takes another way than what does not. */
static bool touch_range(int gmem)
{
	struct kvm_gmem_direct_map range = { .size = GMEM_PAGES * PAGE, .present = 1 };

	if (ioctl(gmem, KVM_GMEM_SET_DIRECT_MAP, &range))
		return false;
	range.size = PAGE;
	range.present = 0;
	return !ioctl(gmem, KVM_GMEM_SET_DIRECT_MAP, &range);
}

/* v8 to v12: a page leaves the direct map when user space touches it. */
static bool touch_mapped(int gmem, struct touch *touch)
{
	char *pages = mmap(NULL, GMEM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gmem, 0);

	if (pages == MAP_FAILED)
		return touch_fail(touch->gmem, "mmap of a guest_memfd: %s", strerror(errno));
	*(volatile char *)pages = 1;
	munmap(pages, GMEM_PAGES * PAGE);
	touch->done |= TOUCH_GMEM_MAPPED;
	return true;
}

static bool touch_pages(int gmem, struct touch *touch)
{
	if (fallocate(gmem, FALLOC_FL_KEEP_SIZE, 0, GMEM_PAGES * PAGE))
		return touch_fail(touch->gmem, "fallocate of a guest_memfd: %s", strerror(errno));
	if (touch_range(gmem))
		touch->done |= TOUCH_GMEM_RANGE;
	if (fallocate(gmem, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, PAGE))
		return touch_fail(touch->gmem, "a hole in a guest_memfd: %s", strerror(errno));
	return true;
}

/*
 * One that user space can map and that leaves the direct map. Where a VM has private memory, v12
 * shares none of it from the start: one of the default type has none.
 */
static int gmem_create_mapped(int vm)
{
	static const uint64_t flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED |
				      GUEST_MEMFD_FLAG_NO_DIRECT_MAP;
	int gmem = gmem_create(vm, flags), known, kvm, other;

	if (gmem >= 0)
		return gmem;
	known = ioctl(vm, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_GUEST_MEMFD_FLAGS);
	if (known < 0 || !((uint64_t)known & GUEST_MEMFD_FLAG_NO_DIRECT_MAP))
		return -1;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	other = ioctl(kvm, KVM_CREATE_VM, 0UL);
	gmem = gmem_create(other, flags);
	if (other >= 0)
		close(other);
	if (kvm >= 0)
		close(kvm);
	return gmem;
}

/* The slot's memory goes while the page is entered: KVM is told, and takes it out. */
static bool touch_entered(int vm, int vcpu, void *memory, char *reason)
{
	const struct kvm_userspace_memory_region slot = {
		.memory_size = PAGE,
		.userspace_addr = (uintptr_t)memory,
	};
	struct kvm_pre_fault_memory range = { .size = PAGE };

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
		return touch_fail(reason, "KVM_SET_USER_MEMORY_REGION: %s", strerror(errno));
	if (ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &range))
		return touch_fail(reason, "KVM_PRE_FAULT_MEMORY (6.11): %s", strerror(errno));
	return !munmap(memory, PAGE);
}

/* No guest runs: a page of ordinary memory is entered by the same routine. */
static void touch_guest(int vm, struct touch *touch)
{
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	void *memory;

	if (vcpu < 0) {
		touch_fail(touch->guest, "KVM_CREATE_VCPU: %s", strerror(errno));
		return;
	}
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		touch_fail(touch->guest, "mmap: %s", strerror(errno));
	else if (touch_entered(vm, vcpu, memory, touch->guest))
		touch->done |= TOUCH_GUEST;
	close(vcpu);
}

static void touch_gmem(struct touch *touch)
{
	int vm = vm_create(touch->gmem), gmem;
	bool mapped;

	if (vm < 0) {
		snprintf(touch->guest, sizeof(touch->guest), "%s", touch->gmem);
		return;
	}
	touch_guest(vm, touch);
	gmem = gmem_create_mapped(vm);
	mapped = gmem >= 0;
	if (gmem < 0)
		gmem = gmem_create(vm, KVM_GMEM_NO_DIRECT_MAP);
	if (gmem < 0)
		gmem = gmem_create(vm, 0);
	if (gmem < 0) {
		touch_fail(touch->gmem, "KVM_CREATE_GUEST_MEMFD: %s", strerror(errno));
		return;
	}
	if (!mapped || touch_mapped(gmem, touch)) {
		if (touch_pages(gmem, touch))
			touch->done |= TOUCH_GMEM;
	}
	/* The flag of ours may be another's: what only our pages can do tells. */
	if (touch->done & TOUCH_GMEM_RANGE)
		touch->done |= TOUCH_GMEM_ABSENT;
	close(gmem);
	close(vm);
}

static _Noreturn void touch_child(const struct load *load, struct touch *touch)
{
	static const struct rlimit none = { 0, 0 };
	char nothing[8] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	touch_lift_memlock();
	if (load_run(load, LOAD_PART_KERNEL, LOAD_CALL_TOUCH_BEGIN, nothing, sizeof(nothing)))
		_exit(1);
	/* Whoever waits for the end of a socket must not wait for us. */
	close_range(3, ~0U, 0);
	touch_gmem(touch);
	if (touch_secret(touch->secret))
		touch->done |= TOUCH_SECRET;
	_exit(0);
}

/* Without reaping it: its task may not become another's before the sensors have let go. */
static bool child_has_ended(pid_t child)
{
	siginfo_t info = {};

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid == child;
}

bool touch_reap(const struct load *load, pid_t child)
{
	if (!child_has_ended(child))
		return false;
	load_touch_end(load);
	waitpid(child, NULL, 0);
	return true;
}

static int child_wait(const struct load *load, pid_t child, touch_wait wait, void *context)
{
	static const struct timespec step = { .tv_nsec = WAIT_STEP_NS };

	for (int i = 0; i < WAIT_STEPS; i++) {
		if (touch_reap(load, child))
			return 0;
		wait(context);
		nanosleep(&step, NULL);
	}
	kill(child, SIGKILL);
	return -ETIMEDOUT;
}

int touch_run(const struct load *load, struct touch *touch, touch_wait wait, void *context)
{
	struct touch *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int error;

	memset(touch, 0, sizeof(*touch));
	if (shared == MAP_FAILED)
		return -errno;
	child = fork();
	if (!child)
		touch_child(load, shared);
	error = child < 0 ? -errno : child_wait(load, child, wait, context);
	*touch = *shared;
	touch->hanging = error == -ETIMEDOUT ? child : 0;
	munmap(shared, sizeof(*shared));
	return error;
}
