// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/command.h"
#include "run/module.h"
#include "run/say.h"

/* The module that brings kvm along, or NULL: this CPU runs no guests. */
static char *vendor_module(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192], *module = NULL;

	while (file && !module && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "flags", 5))
			continue;
		if (strstr(line, " vmx"))
			module = "kvm_intel";
		else if (strstr(line, " svm"))
			module = "kvm_amd";
	}
	if (file)
		fclose(file);
	return module;
}

/* Its exit status, or -EINTR where a signal came first. */
static int64_t modprobe_wait(struct command *modprobe)
{
	static const struct timespec step = { .tv_nsec = 20000000L };

	while (modprobe->running && !signals_pending()) {
		nanosleep(&step, NULL);
		command_poll(modprobe);
	}
	if (!modprobe->running)
		return modprobe->status;
	command_signal(modprobe, SIGTERM);
	return -EINTR;
}

enum gmemtrace_status modules_load(const struct run_options *options, bool *loaded)
{
	char *module = vendor_module(), *argv[] = { "modprobe", module, NULL };
	struct command modprobe;
	int64_t status;

	if (!access("/dev/kvm", F_OK))
		return 0;
	if (!module) {
		run_say(options,
			"--modprobe: this CPU has neither VMX nor SVM, kvm cannot be loaded: "
			"leave it out");
		return GMEMTRACE_CANNOT_RUN;
	}
	if (command_start(&modprobe, argv, true)) {
		run_say(options,
			"--modprobe: there is no modprobe: install kmod, or load %s yourself",
			module);
		return GMEMTRACE_CANNOT_RUN;
	}
	status = modprobe_wait(&modprobe);
	*loaded = !status;
	if (!status)
		return 0;
	if (status == -EINTR)
		run_say(options, "--modprobe: interrupted while %s was loaded", module);
	else
		run_say(options, "--modprobe: modprobe %s failed with status %d: dmesg may say why",
			module, (int)status);
	return status == -EINTR ? GMEMTRACE_ERROR : GMEMTRACE_CANNOT_RUN;
}
