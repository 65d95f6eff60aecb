// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/socket.h"

#define BACKLOG 16

__attribute__((format(printf, 4, 5))) static int socket_fail(char *message, size_t size, int error,
							     const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, size, format, arguments);
	va_end(arguments);
	return error;
}

static int socket_open(void)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return descriptor < 0 ? -errno : descriptor;
}

/* 0: nobody listens at @address (any longer), and nothing stands in the way. */
static int socket_clear(const struct sockaddr_un *address, char *message, size_t size)
{
	const char *path = address->sun_path;
	struct stat status;
	int descriptor, error;

	if (lstat(path, &status))
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return socket_fail(message, size, -EEXIST,
				   "%s is there and no socket: remove it, or give another path",
				   path);
	descriptor = socket_open();
	if (descriptor < 0)
		return socket_fail(message, size, descriptor, "cannot make a socket: %s",
				   strerror(-descriptor));
	error = connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(descriptor);
	if (!error || error == EAGAIN)
		return socket_fail(message, size, -EADDRINUSE,
				   "a gmemtraced already serves %s: use it, or end it first", path);
	if (error != ECONNREFUSED)
		return socket_fail(message, size, -error, "%s: cannot see who listens there: %s",
				   path, strerror(error));
	if (unlink(path))
		return socket_fail(message, size, -errno, "%s: cannot remove it: %s", path,
				   strerror(errno));
	return 0;
}

int socket_listen(const char *path, gid_t group, char *message, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor, error;
	mode_t mask;
	bool bound;

	if (!*path)
		return socket_fail(message, size, -EINVAL, "a socket has a path");
	if (strlen(path) >= sizeof(address.sun_path))
		return socket_fail(message, size, -ENAMETOOLONG,
				   "%s: too long for a socket, %zu bytes are allowed", path,
				   sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	error = socket_clear(&address, message, size);
	if (error)
		return error;
	descriptor = socket_open();
	if (descriptor < 0)
		return socket_fail(message, size, descriptor, "cannot make a socket: %s",
				   strerror(-descriptor));
	/* Nobody can connect before listen(), so nobody does with a mode that is not final. */
	mask = umask(0117);
	error = bind(descriptor, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(mask);
	bound = !error;
	if (!error && chown(path, (uid_t)-1, group))
		error = -errno;
	if (!error && listen(descriptor, BACKLOG))
		error = -errno;
	if (!error)
		return descriptor;
	close(descriptor);
	if (bound)
		unlink(path);
	return socket_fail(message, size, error, "%s: cannot listen there: %s", path,
			   strerror(-error));
}
