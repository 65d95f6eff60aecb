// SPDX-License-Identifier: GPL-2.0
/*
 * A guest_memfd of 64 pages in a VM, its pages filled. Says "ready PID" when it is where nobody looks at first, and keeps
 * it there until it is killed. Status 4 where this kernel has no guest_memfd.
 *
 * usage: flight queue|unbound|orphan|thread|leader
 *
 * queue    its only descriptor is in a message between two sockets, and a slot of the VM is bound to it
 * unbound  the same without a slot
 * orphan   as queue; the process that made the VM has ended, and its sockets are a child's
 * thread   its only descriptor is of a thread with a table of its own
 * leader   the same, and the thread that began the process has ended
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/kvm_uapi.h"

/* Of KVM_CREATE_GUEST_MEMFD since 6.18; the capability's value has those that this kernel takes. */
#define CAP_GUEST_MEMFD_FLAGS 244
#define FLAGS_WANTED 3ULL /* that user space can map it, and that it begins shared */
#define SIZE (64UL << 12)

struct flight {
	int vm, memory;
};

static _Noreturn void die(const char *what, int status)
{
	fprintf(stderr, "flight: %s: %s\n", what, strerror(errno));
	exit(status);
}

static struct flight flight_create(void)
{
	struct kvm_create_guest_memfd request = { .size = SIZE, .flags = KVM_GMEM_NO_DIRECT_MAP };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), types, flags;
	struct flight flight;

	types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	flight.vm = ioctl(
		kvm, KVM_CREATE_VM,
		types > 0 && types & 1 << KVM_X86_SW_PROTECTED_VM ? KVM_X86_SW_PROTECTED_VM : 0);
	close(kvm);
	if (flight.vm < 0)
		die("KVM_CREATE_VM", 4);
	flags = ioctl(flight.vm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_FLAGS);
	if (flags > 0 && (flags & FLAGS_WANTED) == FLAGS_WANTED)
		request.flags = FLAGS_WANTED;
	flight.memory = ioctl(flight.vm, KVM_CREATE_GUEST_MEMFD, &request);
	request.flags = 0; /* a kernel without the series */
	if (flight.memory < 0)
		flight.memory = ioctl(flight.vm, KVM_CREATE_GUEST_MEMFD, &request);
	if (flight.memory < 0)
		die("KVM_CREATE_GUEST_MEMFD", 4);
	if (fallocate(flight.memory, FALLOC_FL_KEEP_SIZE, 0, SIZE))
		die("fallocate", 2);
	return flight;
}

static void flight_bind(const struct flight *flight)
{
	struct kvm_userspace_memory_region2 slot = {
		.slot = 3,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = 1ULL << 32,
		.memory_size = SIZE,
		.guest_memfd = flight->memory,
	};
	void *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	slot.userspace_addr = (uintptr_t)shared;
	if (shared == MAP_FAILED || ioctl(flight->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		die("KVM_SET_USER_MEMORY_REGION2", 2);
}

static void flight_send(const struct flight *flight)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, text = 'm';
	struct iovec data = { .iov_base = &text, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int sockets[2];

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &flight->memory, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) || sendmsg(sockets[0], &message, 0) != 1)
		die("a message", 2);
	close(flight->memory);
}

static _Noreturn void keep(void)
{
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	for (;;)
		pause();
}

/* The VM lives on by its guest_memfd alone. */
static void leave_to_child(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork", 2);
	if (child)
		_exit(0);
}

static pthread_barrier_t parted;

static void *thread_keep(void *argument)
{
	const struct flight *flight = argument;

	if (unshare(CLONE_FILES))
		die("unshare", 2);
	close(flight->vm);
	pthread_barrier_wait(&parted);
	pthread_barrier_wait(&parted);
	keep();
}

static _Noreturn void flight_part(const struct flight *flight, bool leave)
{
	pthread_t thread;

	pthread_barrier_init(&parted, NULL, 2);
	if (pthread_create(&thread, NULL, thread_keep, (void *)flight))
		die("pthread_create", 2);
	pthread_barrier_wait(&parted);
	close(flight->memory);
	pthread_barrier_wait(&parted);
	if (leave)
		pthread_exit(NULL);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	struct flight flight = flight_create();

	if (!strcmp(how, "thread") || !strcmp(how, "leader"))
		flight_part(&flight, !strcmp(how, "leader"));
	if (strcmp(how, "unbound") != 0)
		flight_bind(&flight);
	flight_send(&flight);
	if (!strcmp(how, "orphan")) {
		close(flight.vm);
		leave_to_child();
	}
	keep();
}
