// SPDX-License-Identifier: GPL-2.0
/* gmem-load: real VMs with private memory, at work. Options and scenarios. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "load.h"
#include "run/units.h"

struct scenario {
	const char *name;
	int (*run)(const struct load_options *options);
	const char *description;
};

static const struct scenario scenarios[] = {
	{ "fault", scenario_fault,
	  "the guest and KVM_PRE_FAULT_MEMORY make private pages resident; VMs come and go" },
	{ "convert", scenario_convert,
	  "resident pages go from private to shared and back, over slots and inodes" },
	{ "convert-unfaulted", scenario_convert_unfaulted,
	  "the same before anybody has touched the pages, and before they have a slot" },
	{ "bind", scenario_bind,
	  "private and shared before there is a slot, then bound and faulted in, and no more" },
	{ "folio", scenario_folio,
	  "KVM_GMEM_SET_DIRECT_MAP within a folio and over ranges, and what it must refuse" },
	{ "punch", scenario_punch,
	  "holes in private and in shared ranges, pages resident but unprepared, faults after" },
	{ "churn", scenario_churn, "all of it at random, with opposite wishes on the same pages" },
	{ "secretmem", scenario_secretmem, "memfd_secret: touch, verify, unmap; no KVM needed" },
	{ "plain", scenario_plain,
	  "a guest_memfd without flags of ours, as stock kernels have it" },
	{ "mapped", scenario_mapped,
	  "guest_memfds that user space maps, in and out of the direct map (a bit in each folio)" },
};

struct arguments {
	struct load_options options;
	const char *scenario;
};

enum option_key {
	OPTION_SEED = 0x100,
	OPTION_PAGES,
	OPTION_THREADS,
	OPTION_SECONDS,
	OPTION_VMS,
	OPTION_ROUNDS,
	OPTION_HOLD,
	OPTION_DELAY,
	OPTION_FAILURES,
};

static const struct argp_option argp_options[] = {
	{ "list", 'l', NULL, 0, "list the scenarios", 0 },
	{ "seed", OPTION_SEED, "N", 0, "of all random choices; default 1", 0 },
	{ "pages", OPTION_PAGES, "N", 0,
	  "of the first inode of an area (the other two have a quarter each), or of memfd_secret a "
	  "round and thread; default 512",
	  0 },
	{ "threads", OPTION_THREADS, "N", 0, "default 1: everything happens in one order", 0 },
	{ "vms", OPTION_VMS, "N", 0,
	  "default 1; a VM has one area, more when there are more threads than VMs", 0 },
	{ "rounds", OPTION_ROUNDS, "N", 0,
	  "of each area; default 4. A round of convert is two conversions of all pages and one of "
	  "a part; of churn 64 actions a thread",
	  0 },
	{ "seconds", OPTION_SECONDS, "N", 0, "of churn where --rounds is not given; default 10",
	  0 },
	{ "hold-seconds", OPTION_HOLD, "N", 0,
	  "keep the final state so long after the summary line, before the teardown", 0 },
	{ "expect-failures", OPTION_FAILURES, NULL, 0,
	  "churn: offer its threads to the kernel's fault injection (make-it-fail), and live with "
	  "calls that find no memory",
	  0 },
	{ "start-delay", OPTION_DELAY, "N", 0, "seconds to wait before the first action", 0 },
	{ 0 },
};

static void list_scenarios(void)
{
	size_t i;

	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		printf("%-18s %s\n", scenarios[i].name, scenarios[i].description);
}

static const struct scenario *find_scenario(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	}
	return NULL;
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (units_parse_number(text, min, max, &value)) {
		fprintf(stderr, "gmem-load: --%s %s: give a whole number from %llu to %llu\n",
			option, text, (unsigned long long)min, (unsigned long long)max);
		exit(LOAD_USAGE);
	}
	return value;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct load_options *options = &arguments->options;

	switch (key) {
	case 'l':
		list_scenarios();
		exit(LOAD_OK);
	case OPTION_SEED:
		options->seed = number("seed", text, 0, UINT64_MAX);
		return 0;
	case OPTION_PAGES:
		options->pages = number("pages", text, AREA_PAGES_MIN, 1 << 19);
		return 0;
	case OPTION_THREADS:
		options->threads = number("threads", text, 1, 64);
		return 0;
	case OPTION_SECONDS:
		options->seconds = number("seconds", text, 1, 1000000);
		return 0;
	case OPTION_VMS:
		options->vms = number("vms", text, 1, 64);
		return 0;
	case OPTION_ROUNDS:
		options->rounds = number("rounds", text, 1, 1000000000);
		options->rounds_given = true;
		return 0;
	case OPTION_HOLD:
		options->hold = number("hold-seconds", text, 0, 1000000);
		return 0;
	case OPTION_DELAY:
		options->start_delay = number("start-delay", text, 0, 1000000);
		return 0;
	case OPTION_FAILURES:
		options->expect_failures = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->scenario) {
			fprintf(stderr, "gmem-load: '%s': one scenario at a time\n", text);
			exit(LOAD_USAGE);
		}
		arguments->scenario = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		fprintf(stderr, "gmem-load: no scenario; -l lists them\n");
		exit(LOAD_USAGE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse_option,
		.args_doc = "SCENARIO",
		.doc = "Runs VMs with private memory (KVM_X86_SW_PROTECTED_VM, guest_memfd) whose "
		       "vCPUs read and write it.\v"
		       "Exit status: 0 done and verified, 2 failure, 4 cannot run here (the reason "
		       "is on stderr), 64 usage error.",
	};
	struct arguments arguments = {
		.options = { .seed = 1,
			     .pages = 512,
			     .threads = 1,
			     .vms = 1,
			     .rounds = 4,
			     .seconds = 10 },
	};
	const struct scenario *scenario;

	argp_err_exit_status = LOAD_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		return LOAD_USAGE;
	scenario = find_scenario(arguments.scenario);
	if (!scenario) {
		fprintf(stderr, "gmem-load: unknown scenario '%s'; -l lists them\n",
			arguments.scenario);
		return LOAD_USAGE;
	}
	if (arguments.options.start_delay)
		sleep(arguments.options.start_delay);
	return scenario->run(&arguments.options);
}
