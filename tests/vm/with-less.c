// SPDX-License-Identifier: GPL-2.0
/*
 * with-less WHAT CMD...: runs CMD with less than root has: WHAT is a number, the
 * user to become, or the name of a capability to take away. busybox can do neither.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

int main(int argc, char **argv)
{
	int capability;

	if (argc < 3) {
		fprintf(stderr, "usage: with-less UID|CAPABILITY CMD...\n");
		return 64;
	}
	if (isdigit((unsigned char)argv[1][0])) {
		if (setgid((gid_t)atoi(argv[1])) || setuid((uid_t)atoi(argv[1])))
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
