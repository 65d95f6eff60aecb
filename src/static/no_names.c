// SPDX-License-Identifier: GPL-2.0
/*
 * libcap-ng.a names, in a function that we do not call, what asks glibc's name services, which a static program
 * has not: the linker warns of that. Here they are, and none of it works. Only in static programs.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

int initgroups(const char *user, gid_t group)
{
	(void)user;
	(void)group;
	errno = ENOSYS;
	return -1;
}

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	errno = ENOSYS;
	return NULL;
}
