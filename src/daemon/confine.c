// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

#include "daemon/confine.h"

static const int denied[] = {
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
};

/* Of a clone(): what makes a namespace. That of time has no bit there. */
static const uint64_t namespaces[] = {
	CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID,	CLONE_NEWNET,
};

/*
 * Nobody may be others' as well, who could then send us signals: a user of our own comes first.
 * Straight from the file: the name services need libraries that a static program has not.
 */
static void ids_find(uid_t *uid, gid_t *gid)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;

	*uid = CONFINE_ID;
	*gid = CONFINE_ID;
	while (file && (entry = fgetpwent(file))) {
		if (strcmp(entry->pw_name, CONFINE_USER) != 0 || !entry->pw_uid)
			continue;
		*uid = entry->pw_uid;
		*gid = entry->pw_gid;
	}
	if (file)
		fclose(file);
}

/* Root of a user namespace that knows no other is whoever made it; who was root has root's files still. */
static bool root_is_somebody(uid_t other)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned int inside = 0, outside = 0;
	bool known = map && fscanf(map, "%u %u", &inside, &outside) == 2;

	if (map)
		fclose(map);
	return known && outside && setresuid(other, other, other) && errno == EINVAL;
}

/* Root's is what may be changed; whoever is not root has a user of his own. */
static int give_up_user(void)
{
	int error;
	uid_t uid;
	gid_t gid;

	if (geteuid())
		return 0;
	ids_find(&uid, &gid);
	if (!setgroups(0, NULL) && !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid))
		return 0;
	error = -errno;
	return root_is_somebody(uid) ? 0 : error;
}

/* The bounding set, too, where it may be: without privilege nothing is gained by it. */
static int give_up_capabilities(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return 0;
}

static void give_up_bounds(void)
{
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* In a user namespace of its own anybody has all capabilities. */
static int filter_namespaces(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	/* Its flags are in memory, where no filter sees them: a thread is made by clone() then. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error;
}

static int filter_load(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]) && !error; i++) {
		/* One that libseccomp or this architecture does not know cannot be called by name. */
		if (denied[i] != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	}
	if (!error)
		error = filter_namespaces(filter);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

int confine(char *message, size_t size)
{
	int error, death = 0;

	(void)prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	give_up_bounds();
	error = give_up_user();
	/* It is forgotten with the user. */
	(void)prctl(PR_SET_PDEATHSIG, death, 0, 0, 0);
	if (error) {
		snprintf(message, size,
			 "cannot become another user than root: %s; CAP_SETUID and CAP_SETGID are "
			 "needed for that",
			 strerror(-error));
		return error;
	}
	*message = '\0';
	error = give_up_capabilities();
	if (!error && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		snprintf(message, size,
			 "this kernel has no seccomp: what is given up is user and "
			 "capabilities, and system calls are not refused besides");
	else if (!error)
		error = filter_load();
	if (error)
		snprintf(message, size, "cannot give up its privileges: %s", strerror(-error));
	return error;
}
