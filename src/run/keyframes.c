// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/command.h"
#include "run/keyframes.h"

#define SIGNALS_MS 100 /* between two looks at them */
#define STATUS_LEAVES 99 /* of a worker: no exit status of gmemtrace */

/* What all processes see. Only one of them works at a time. */
struct shared {
	uint64_t times[KEYFRAMES_MAX]; /* ascending; the first is 0 */
	size_t nr;
	uint64_t wanted; /* ns */
	volatile sig_atomic_t end; /* the worker is to */
};

struct frame {
	pid_t pid;
	int wake; /* a byte: a worker is wanted; closed: the keyframe is not any more */
	uint64_t memory; /* bytes that it may take */
};

struct keyframes {
	struct shared *shared;
	size_t shared_bytes;
	/* The keeper's; in others those that there were when they were forked. */
	struct frame frames[KEYFRAMES_MAX];
	size_t nr;
	uint64_t spacing, memory, memory_most;
	int answers[2]; /* how workers ended: int, as waitpid() has it */
};

struct keyframes *keyframes_create(size_t handed, uint64_t spacing, uint64_t memory)
{
	struct keyframes *keyframes = calloc(1, sizeof(*keyframes));
	size_t bytes = sizeof(struct shared) + handed;
	void *shared;

	if (!keyframes)
		return NULL;
	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		goto failed;
	keyframes->shared = shared;
	keyframes->shared_bytes = bytes;
	keyframes->spacing = spacing;
	keyframes->memory_most = memory;
	if (!pipe2(keyframes->answers, O_CLOEXEC))
		return keyframes;
	munmap(shared, bytes);
failed:
	free(keyframes);
	return NULL;
}

static void frame_end(struct keyframes *keyframes, size_t at)
{
	struct frame *frame = &keyframes->frames[at];

	close(frame->wake);
	while (waitpid(frame->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keyframes->memory -= frame->memory;
}

void keyframes_free(struct keyframes *keyframes)
{
	if (!keyframes)
		return;
	for (size_t i = 0; i < keyframes->nr; i++)
		frame_end(keyframes, i);
	close(keyframes->answers[0]);
	close(keyframes->answers[1]);
	munmap(keyframes->shared, keyframes->shared_bytes);
	free(keyframes);
}

uint64_t keyframes_spacing(const struct keyframes *keyframes)
{
	return keyframes->spacing;
}

void *keyframes_handed(struct keyframes *keyframes)
{
	return keyframes->shared + 1;
}

uint64_t keyframes_wanted(const struct keyframes *keyframes)
{
	return keyframes->shared->wanted;
}

bool keyframes_end_wished(const struct keyframes *keyframes)
{
	return keyframes->shared->end;
}

/* Every second one but the first. */
static void frames_thin(struct keyframes *keyframes)
{
	struct shared *shared = keyframes->shared;
	size_t kept = 0;

	for (size_t i = 0; i < keyframes->nr; i++) {
		if (i % 2) {
			frame_end(keyframes, i);
			continue;
		}
		keyframes->frames[kept] = keyframes->frames[i];
		shared->times[kept++] = shared->times[i];
	}
	shared->nr = keyframes->nr = kept;
	keyframes->spacing *= 2;
}

/* The terminal's signals are for the worker; who has lost his parent is of no use. */
static void frame_begin(const struct keyframes *keyframes, pid_t keeper)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* Else the pipes of the others would never be closed. */
	for (size_t i = 0; i < keyframes->nr; i++)
		close(keyframes->frames[i].wake);
	close(keyframes->answers[0]);
}

static void worker_begin(const struct keyframes *keyframes, pid_t frame)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != frame)
		_exit(0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	close(keyframes->answers[1]);
}

/* Returns in workers only. */
static void frame_sleep(const struct keyframes *keyframes, int wake)
{
	for (;;) {
		pid_t frame = getpid(), worker;
		int status = -1;
		char byte;
		ssize_t got = read(wake, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			_exit(0);
		worker = fork();
		if (!worker) {
			close(wake);
			worker_begin(keyframes, frame);
			return;
		}
		while (worker > 0 && waitpid(worker, &status, 0) < 0 && errno == EINTR)
			;
		if (write(keyframes->answers[1], &status, sizeof(status)) != sizeof(status))
			_exit(0);
	}
}

enum keyframes_role keyframes_take(struct keyframes *keyframes, uint64_t time, uint64_t memory)
{
	struct shared *shared = keyframes->shared;
	pid_t keeper = getpid(), pid;
	int wake[2];

	while (keyframes->nr > 1 && (keyframes->nr == KEYFRAMES_MAX ||
				     keyframes->memory + memory > keyframes->memory_most))
		frames_thin(keyframes);
	if (keyframes->nr && keyframes->memory + memory > keyframes->memory_most)
		return KEYFRAMES_NONE;
	if (pipe2(wake, O_CLOEXEC))
		return KEYFRAMES_NONE;
	pid = fork();
	if (!pid) {
		close(wake[1]);
		frame_begin(keyframes, keeper);
		frame_sleep(keyframes, wake[0]);
		return KEYFRAMES_WORKER;
	}
	close(wake[0]);
	if (pid < 0) {
		close(wake[1]);
		return KEYFRAMES_NONE;
	}
	keyframes->memory += memory;
	keyframes->frames[keyframes->nr++] = (struct frame){ pid, wake[1], memory };
	shared->times[shared->nr++] = time;
	return KEYFRAMES_KEEPER;
}

/*
 * The last one before @time: what is fed up to it ends with the same record then, wherever it
 * began.
 */
static size_t frame_before(const struct shared *shared, uint64_t time)
{
	size_t at = 0;

	while (at + 1 < shared->nr && shared->times[at + 1] < time)
		at++;
	return at;
}

bool keyframes_nearer(const struct keyframes *keyframes, uint64_t now, uint64_t time)
{
	const struct shared *shared = keyframes->shared;

	return time < now || shared->times[frame_before(shared, time)] > now;
}

/* How a worker of @frame ended, as waitpid() has it; -1: there was none. */
static int frame_work(struct keyframes *keyframes, const struct frame *frame)
{
	struct pollfd answer = { .fd = keyframes->answers[0], .events = POLLIN };
	int status;

	if (write(frame->wake, "", 1) != 1)
		return -1;
	/* A caught signal need not interrupt it. */
	while (poll(&answer, 1, SIGNALS_MS) <= 0)
		keyframes->shared->end |= signals_pending();
	if (read(answer.fd, &status, sizeof(status)) != sizeof(status))
		return -1;
	return status;
}

int keyframes_work(struct keyframes *keyframes, uint64_t time)
{
	struct shared *shared = keyframes->shared;
	int status;

	if (!shared->nr)
		return -1;
	shared->wanted = time;
	do {
		status = frame_work(keyframes,
				    &keyframes->frames[frame_before(shared, shared->wanted)]);
	} while (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == STATUS_LEAVES);
	return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void keyframes_leave(struct keyframes *keyframes, uint64_t time)
{
	keyframes->shared->wanted = time;
	keyframes_exit(STATUS_LEAVES);
}

/* Not exit(): what the keeper has registered and buffered is the keeper's. */
void keyframes_exit(int status)
{
	fflush(stdout);
	fflush(stderr);
	_exit(status);
}
