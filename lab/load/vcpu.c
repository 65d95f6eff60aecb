// SPDX-License-Identifier: GPL-2.0
/* vCPUs: creation, and commands to the guest program. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/kvm_uapi.h"
#include "vcpu.h"

#define MAILBOX_SPACING 64
#define VCPUS_MAX ((BOOT_SIZE - BOOT_MAILBOXES) / MAILBOX_SPACING)
/* Races are lost for a moment only: so many times in a row is a vCPU that does not get on. */
#define RACES_MAX 100000
/* So often a run may lose a vCPU to the emulator: more is a finding. */
#define RESTARTS_MAX 100
/* How long a command may take before we look where the vCPU is. */
#define LOOK_AFTER_S 2

/* Flat 32-bit protected mode, at the program's start. */
static int set_registers(const struct area *area, uint64_t mailbox)
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
	int kvm = kvm_open();
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

/* Makes KVM_RUN return with EINTR when a command takes long. */
static void interrupted(int signal)
{
	(void)signal;
}

#define WATCH_TRIES 1000

static int watch_create(timer_t *watch)
{
	struct sigaction action = { .sa_handler = interrupted };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
		._sigev_un._tid = gettid(),
	};

	if (sigaction(SIGUSR1, &action, NULL))
		return load_fail("a signal for vCPUs: %s", strerror(errno));
	for (int tries = 0; timer_create(CLOCK_MONOTONIC, &event, watch); tries++) {
		/* Its way to say that there is no memory, which may be made to fail. */
		if (errno != EAGAIN || !load_failures_expected() || tries == WATCH_TRIES)
			return load_fail("a timer for vCPUs: %s", strerror(errno));
	}
	return LOAD_OK;
}

/* Only around KVM_RUN: other calls give up at a signal. */
static void watch_set(timer_t watch, time_t seconds)
{
	struct itimerspec interval = { .it_interval.tv_sec = seconds, .it_value.tv_sec = seconds };

	timer_settime(watch, 0, &interval, NULL);
}

static bool vcpu_has_left_program(const struct area *area)
{
	struct kvm_regs regs;

	return !ioctl(area->vcpu_fd, KVM_GET_REGS, &regs) &&
	       (regs.rip < BOOT_PROGRAM || regs.rip >= BOOT_PROGRAM + guest_program_size);
}

/*
 * QEMU 7.2, which emulates SVM in the lab, now and then leaves its own host's RIP and CS in a VMCB:
 * the guest is then at the instruction behind VMRUN, which it does not have, and takes page faults
 * for ever or shuts down. A command can be given twice, so a new vCPU gets it.
 */
static int vcpu_replace(struct area *area)
{
	bool injected = load_failures_expected();
	struct guest_mailbox command;
	int status;

	if (load_counters.restarted++ >= RESTARTS_MAX)
		return load_fail("vCPUs left their program %u times", RESTARTS_MAX);
	memcpy(&command, (const void *)area->mailbox, sizeof(command));
	vcpu_destroy(area);
	/* Hardly a vCPU is made when every allocation for it may fail. */
	status = injected ? load_inject_failures(false) : LOAD_OK;
	if (!status)
		status = vcpu_create(area);
	if (status || !area->run)
		return LOAD_FAILED;
	memcpy((void *)area->mailbox, &command, sizeof(command));
	return injected ? load_inject_failures(true) : LOAD_OK;
}

static int run_command(struct area *area)
{
	unsigned int races = 0;
	int status = LOAD_OK;

	while (!status) {
		int error = ioctl(area->vcpu_fd, KVM_RUN, 0) ? errno : 0;

		if (!error && command_is_done(area->run))
			return LOAD_OK;
		if (error == EAGAIN)
			continue;
		if (vcpu_has_left_program(area)) {
			status = vcpu_replace(area);
			continue;
		}
		if (error == EINTR || (failure_was_injected(error) && ++races <= RACES_MAX))
			continue;
		if (!error || area->run->exit_reason != KVM_EXIT_MEMORY_FAULT || !area->contested ||
		    ++races > RACES_MAX)
			return report_exit(area, error);
		/* A conversion came between the fault and its handling. */
		sched_yield();
	}
	return status;
}

int vcpu_run(struct area *area)
{
	static _Thread_local timer_t watch;
	static _Thread_local bool watched;
	int status = watched ? LOAD_OK : watch_create(&watch);

	if (status)
		return status;
	watched = true;
	watch_set(watch, LOOK_AFTER_S);
	status = run_command(area);
	watch_set(watch, 0);
	return status;
}
