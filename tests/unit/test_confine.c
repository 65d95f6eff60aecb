// SPDX-License-Identifier: GPL-2.0
/* A process that has given up its privileges, and tries. What it tries works before, or fails otherwise. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/confine.h"

/* What came of it, from the child. */
struct tried {
	int confined; /* what confine() said */
	int bpf, perf, setns, ptrace, module, exec, root, open_shadow; /* errno, 0: it worked */
	int namespaces, clone3; /* the same, of what makes a process */
	int threads; /* 0: it has one more */
	uid_t uid;
	gid_t gid;
	int groups;
	int death; /* signal of the parent's death */
	char read[8]; /* by a descriptor from before */
};

static int tried_call(long result)
{
	return result < 0 ? errno : 0;
}

static void *thread_main(void *context)
{
	/* A thread that is made later is no way round it. */
	*(int *)context = tried_call(syscall(SYS_bpf, 0, NULL, 0));
	return NULL;
}

/* The bad arguments tell a call that is refused from one that is looked at. */
static void try_all(struct tried *tried, int file)
{
	char *const words[] = { (char *)"/nowhere", NULL };
	pthread_t thread;
	int inside = 0;

	tried->bpf = tried_call(syscall(SYS_bpf, 0, NULL, 0));
	tried->perf = tried_call(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	tried->setns = tried_call(syscall(SYS_setns, -1, 0));
	/* That cannot be, whoever asks for it: none is made. */
	tried->namespaces = tried_call(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS, 0, 0, 0, 0));
	tried->clone3 = tried_call(syscall(SYS_clone3, NULL, 0));
	tried->ptrace = tried_call(syscall(SYS_ptrace, 999, -1, 0, 0));
	tried->module = tried_call(syscall(SYS_finit_module, -1, "", 0));
	tried->exec = tried_call(execv("/nowhere", words));
	tried->root = tried_call(setresuid(0, 0, 0));
	tried->open_shadow = tried_call(syscall(SYS_openat, AT_FDCWD, "/etc/shadow", 0));
	tried->threads = pthread_create(&thread, NULL, thread_main, &inside);
	if (!tried->threads)
		pthread_join(thread, NULL);
	if (inside != tried->bpf)
		tried->threads = -1;
	tried->uid = getuid();
	tried->gid = getegid();
	tried->groups = getgroups(0, NULL);
	prctl(PR_GET_PDEATHSIG, &tried->death);
	if (pread(file, tried->read, sizeof(tried->read) - 1, 0) < 0)
		tried->read[0] = '\0';
}

static struct tried in_child(bool confined)
{
	struct tried *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		     tried;
	FILE *file = tmpfile();
	pid_t child;
	int status;

	assert_true(shared != MAP_FAILED && file);
	fputs("before", file);
	fflush(file);
	child = fork();
	if (!child) {
		char message[256] = "";

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (confined)
			shared->confined = confine(message, sizeof(message));
		if (*message)
			fprintf(stderr, "%s\n", message);
		try_all(shared, fileno(file));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	tried = *shared;
	munmap(shared, sizeof(*shared));
	fclose(file);
	return tried;
}

static void test_refused(void **state)
{
	struct tried tried = in_child(true);

	(void)state;
	assert_int_equal(tried.confined, 0);
	assert_int_equal(tried.bpf, EPERM);
	assert_int_equal(tried.perf, EPERM);
	assert_int_equal(tried.setns, EPERM);
	assert_int_equal(tried.namespaces, EPERM);
	assert_int_equal(tried.clone3, ENOSYS);
	assert_int_equal(tried.ptrace, EPERM);
	assert_int_equal(tried.module, EPERM);
	assert_int_equal(tried.exec, EPERM);
	assert_int_equal(tried.root, EPERM);
	assert_int_equal(tried.open_shadow, EACCES);
	assert_int_equal(tried.threads, 0);
	assert_int_equal(tried.death, SIGTERM);
	assert_string_equal(tried.read, "before");
	if (geteuid())
		return;
	assert_int_not_equal(tried.uid, 0);
	assert_int_not_equal(tried.gid, 0);
	assert_int_equal(tried.groups, 0);
}

static bool map_write(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);
	bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

	close(file);
	return written;
}

/*
 * In a namespace with one user, who was @uid, as `unshare -Ur` and rootless containers make it: what confine() says;
 * 1: there is no such namespace.
 */
static int confined_alone(uid_t uid)
{
	char message[256], map[32];
	int error;

	if (!geteuid() && uid && setresuid(uid, uid, uid))
		return 1;
	/* Whoever has become another could not open what is below his /proc/self. */
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)geteuid());
	if (unshare(CLONE_NEWUSER) || !map_write("/proc/self/setgroups", "deny") ||
	    !map_write("/proc/self/uid_map", map))
		return 1;
	error = confine(message, sizeof(message));
	return error ? error : tried_call(syscall(SYS_bpf, 0, NULL, 0)) - EPERM;
}

static int status_alone(uid_t uid)
{
	int status;
	pid_t child;

	child = fork();
	if (!child)
		_exit(confined_alone(uid) & 0xff);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* There is no other user to become, and no privilege either: it stays who it is. */
static void test_only_user(void **state)
{
	int status = status_alone(CONFINE_ID);

	(void)state;
	if (status == 1)
		skip();
	assert_int_equal(status, 0);
	/* The control: root stays nobody else's. */
	if (!geteuid())
		assert_int_equal(status_alone(0), -EPERM & 0xff);
}

/* The same calls, looked at: what they are refused for is what they say. */
static void test_control(void **state)
{
	struct tried tried = in_child(false);

	(void)state;
	assert_int_equal(tried.setns, EBADF);
	assert_int_equal(tried.namespaces, EINVAL);
	assert_int_equal(tried.clone3, EINVAL);
	assert_int_equal(tried.ptrace, ESRCH);
	assert_int_equal(tried.exec, ENOENT);
	assert_int_equal(tried.threads, 0);
	assert_string_equal(tried.read, "before");
	if (geteuid())
		return;
	assert_int_equal(tried.root, 0);
	assert_int_equal(tried.open_shadow, 0);
	assert_int_equal(tried.uid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_only_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
