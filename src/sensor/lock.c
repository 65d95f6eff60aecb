// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gmemtrace/status.h"
#include "sensor/lock.h"

#define TRIES 100 /* of 10 ms each */

/* The last owner removes its file: a lock on what nobody can open any more is none. */
static bool lock_stands(const struct lock *lock)
{
	struct stat held, there;

	return !fstat(lock->descriptor, &held) && !stat(lock->path, &there) &&
	       held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

/* 0, -EBUSY, or what is wrong with the file. */
static int lock_try(struct lock *lock)
{
	int error = 0;

	lock->descriptor = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->descriptor < 0)
		return -errno;
	if (flock(lock->descriptor, LOCK_EX | LOCK_NB))
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (!lock_stands(lock))
		error = -EBUSY;
	else if (ftruncate(lock->descriptor, 0) ||
		 dprintf(lock->descriptor, "%d\n", (int)getpid()) < 0)
		error = -errno;
	if (!error)
		return 0;
	close(lock->descriptor);
	lock->descriptor = -1;
	return error;
}

static int lock_busy(const struct lock *lock, struct sensor_failure *failure)
{
	FILE *file = fopen(lock->path, "re");
	unsigned int holder = 0;

	if (file) {
		if (fscanf(file, "%9u", &holder) != 1)
			holder = 0;
		fclose(file);
	}
	return sensor_fail(
		failure, GMEMTRACE_CANNOT_RUN, -EBUSY,
		"another tracer owns the sensors (pid %u): end it, or run gmemtraced and "
		"share it",
		holder);
}

static int lock_name(struct lock *lock, const char *path)
{
	lock->descriptor = -1;
	if (!path)
		return runtime_path(lock->path, LOCK_NAME);
	return snprintf(lock->path, sizeof(lock->path), "%s", path) < RUNTIME_PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int lock_take(struct lock *lock, const char *path, struct sensor_failure *failure)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	int error = lock_name(lock, path);

	for (int i = 0; !error && i < TRIES; i++) {
		error = lock_try(lock);
		if (error != -EBUSY)
			break;
		nanosleep(&pause, NULL);
		error = i + 1 < TRIES ? 0 : -EBUSY;
	}
	if (error == -EBUSY)
		return lock_busy(lock, failure);
	if (error)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "%s: cannot lock it: %s; give --lock PATH",
				   path ? path : lock->path, strerror(-error));
	return 0;
}

void lock_release(struct lock *lock)
{
	if (lock->descriptor < 0)
		return;
	/* Whoever waits for it sees that the file has gone, and makes another. */
	unlink(lock->path);
	close(lock->descriptor);
	lock->descriptor = -1;
}

void lock_sweep(const char *path)
{
	struct lock lock;

	if (!lock_name(&lock, path) && !access(lock.path, F_OK) && !lock_try(&lock))
		lock_release(&lock);
}
