// SPDX-License-Identifier: GPL-2.0
/*
 * with-less WHAT CMD...: runs CMD with less than root has: WHAT is a number, the
 * user to become, or the name of a capability to take away, or "four": user 1000
 * with the four that the README names. busybox can do none of it.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} capabilities[] = {
	{ "bpf", CAP_BPF },
	{ "perfmon", CAP_PERFMON },
	{ "sys_admin", CAP_SYS_ADMIN },
	{ "syslog", CAP_SYSLOG },
};

static int capability_find(const char *name)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (!strcmp(capabilities[i].name, name))
			return capabilities[i].number;
	}
	return -1;
}

/* What is inheritable can be made ambient, which exec() keeps. */
static int four_keep(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		data[capabilities[i].number / 32].permitted |= 1U << capabilities[i].number % 32;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].inheritable = data[i].permitted;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgid(1000) || setuid(1000) ||
	    syscall(SYS_capset, &header, data))
		return -1;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capabilities[i].number, 0, 0))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int capability;

	if (argc < 3) {
		fprintf(stderr, "usage: with-less UID|CAPABILITY|four CMD...\n");
		return 64;
	}
	if (isdigit((unsigned char)argv[1][0])) {
		if (setgid((gid_t)atoi(argv[1])) || setuid((uid_t)atoi(argv[1])))
			goto failed;
	} else if (!strcmp(argv[1], "four")) {
		if (four_keep())
			goto failed;
	} else {
		capability = capability_find(argv[1]);
		/* root gets at exec what its bounding set holds. */
		if (capability < 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			goto failed;
	}
	execvp(argv[2], argv + 2);
failed:
	fprintf(stderr, "with-less: %s: %s\n", argv[1], strerror(errno));
	return 125;
}
