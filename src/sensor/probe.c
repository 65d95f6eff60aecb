// SPDX-License-Identifier: GPL-2.0
/*
 * What this kernel offers, probe by probe. Hooks are there for a moment, to be proved.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "model/plural.h"
#include "providers/provider.h"
#include "sensor/livepatch.h"
#include "sensor/refusal.h"
#include "sensor/sight.h"
#include "sensor/walker.h"

struct probe {
	struct sensor_feature *features;
	size_t nr;
};

__attribute__((format(printf, 6, 7))) static bool probe_add(struct probe *probe, const char *name,
							    bool required, bool present,
							    const char *provenance,
							    const char *format, ...)
{
	struct sensor_feature *feature = &probe->features[probe->nr];
	va_list arguments;

	if (probe->nr == SENSOR_FEATURES_MAX)
		return present;
	probe->nr++;
	memset(feature, 0, sizeof(*feature));
	feature->name = name;
	feature->present = present;
	feature->required = required;
	snprintf(feature->provenance, sizeof(feature->provenance), "%s", provenance);
	if (present)
		return true;
	va_start(arguments, format);
	vsnprintf(feature->reason, sizeof(feature->reason), format, arguments);
	va_end(arguments);
	return false;
}

static bool program_type_supported(enum bpf_prog_type type)
{
	return libbpf_probe_bpf_prog_type(type, NULL) == 1;
}

/* Why a routine of KVM's may not be there. */
static const char *kvm_missing(const struct kernel *kernel)
{
	switch (kernel_kvm(kernel)) {
	case KERNEL_KVM_NONE:
		return ": load the kvm module";
	case KERNEL_KVM_STRIPPED:
		return ": kvm is loaded without its BTF";
	case KERNEL_KVM_MODULE:
	case KERNEL_KVM_BUILT_IN:
		break;
	}
	return "";
}

/* What features lists: those of a verdict. */
#define PROBED (SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE | SENSOR_GROUP_GUEST)

static bool probe_shadowed(struct probe *probe, const struct load_program *program)
{
	if (!(program->group & SENSOR_GROUP_GUEST) || !kernel_shadows_guests())
		return false;
	probe_add(probe, program->target, false, false, program->provenance,
		  "kvm.tdp_mmu=N: guests have page tables that are not hooked");
	return true;
}

static void probe_functions(struct probe *probe, const struct kernel *kernel)
{
	const char *last = "";

	for (size_t i = 0; i < load_programs_nr; i++) {
		const struct load_program *program = &load_programs[i];

		/* What only figures need hooks the same routines. */
		if (!program->target || !strcmp(program->target, last) ||
		    !(program->group & PROBED))
			continue;
		last = program->target;
		if (probe_shadowed(probe, program))
			continue;
		probe_add(probe, program->target, program->required,
			  kernel_has_function(kernel, program->target, program->parameters),
			  program->provenance,
			  "no function of this name with %u parameter%s in this kernel's BTF%s",
			  program->parameters, plural(program->parameters),
			  strncmp(program->target, "kvm_", 4) ? "" : kvm_missing(kernel));
	}
}

static void probe_answers(struct probe *probe, const struct kernel *kernel)
{
	bool present = load_program_fits(&load_programs[PROGRAM_CSD_QUEUED], kernel,
					 SENSOR_GROUP_ACKNOWLEDGE);
	bool handler = load_program_fits(&load_programs[PROGRAM_HANDLER_ENTER], kernel,
					 SENSOR_GROUP_ACKNOWLEDGE);

	probe_add(probe, "tracepoints of csds", false, present, "6.5",
		  "no csd:csd_queue_cpu and its like: %s",
		  handler ? "which CPU answers is told of ranged flushes only"
			  : "which CPU answers a flush is not judged");
}

/* How many of those that change its pages' entries are there, not inlined. */
static size_t provider_routines(const struct kernel *kernel, const struct provider *provider)
{
	size_t nr = 0;

	for (size_t i = 0; i < PROVIDER_ROUTINES_MAX && provider->routines[i]; i++)
		nr += kernel_has_routine(kernel, provider->routines[i]);
	return nr;
}

/* Why inodes of this kind cannot be met, or not be recognised; NULL: they can. */
static const char *provider_lacks(const struct kernel *kernel, const struct provider *provider)
{
	bool gmem = kernel->symbols[KERNEL_SYMBOL_GMEM_IOPS];

	if (provider->operations && !kernel_symbol(kernel, provider->operations))
		return provider->letter == 's'
			       ? "no symbol secretmem_iops: build with CONFIG_SECRETMEM=y"
			       : "no guest_memfd here: load kvm, or build it with "
				 "CONFIG_KVM_GUEST_MEMFD=y (before 6.18 CONFIG_KVM_PRIVATE_MEM)";
	if (provider->letter == 'g' && gmem && !kernel_describes_gmem(kernel))
		return "kvm is loaded without its BTF: its inodes are not judged; build it with "
		       "CONFIG_DEBUG_INFO_BTF_MODULES=y and do not strip .BTF";
	if (provider->type && !kernel_has_struct(kernel, provider->type))
		return "this guest_memfd has no such inodes";
	if (provider->constant && !kernel_has_enumerator(kernel, provider->constant))
		return "this guest_memfd has no such inodes";
	if (provider->routines[0] && !provider_routines(kernel, provider))
		return "none of the routines that change its pages is in this kernel's BTF";
	return NULL;
}

static void probe_providers(struct probe *probe, const struct kernel *kernel)
{
	const struct provider *provider = NULL;

	while ((provider = provider_next(provider))) {
		const char *lacks;

		if (!provider->operations && !provider->routines[0])
			continue;
		lacks = provider_lacks(kernel, provider);
		probe_add(probe, provider->probed, false, !lacks, provider->brought_by, "%s",
			  lacks ? lacks : "");
	}
}

static void probe_symbols(struct probe *probe, const struct kernel *kernel)
{
	const char *unwitnessed, *unbound;

	probe_providers(probe, kernel);
	probe_add(probe, "bpf_rdonly_cast", false,
		  kernel_has_function(kernel, "bpf_rdonly_cast", 2), "a035154da45d (6.2)",
		  "pages are read by bpf_probe_read_kernel instead: dearer, not less exact");
	probe_add(probe, "global direct map", false, !kernel->not_global,
		  "a CPU with PGE, no page-table isolation", "%s",
		  kernel->not_global ? kernel->not_global : "");
	unbound = load_unbound(kernel);
	probe_add(probe, "guest_memfds in flight", false, !unbound, "guest_memfd (6.8)",
		  "those that only a VM's slots lead to are not looked for: %s",
		  unbound ? unbound : "");
	unwitnessed = load_unwitnessed(kernel);
	probe_add(probe, "flush acknowledgements", false, !unwitnessed, "6.5",
		  "whether each CPU takes part in a flush is not judged: %s",
		  unwitnessed ? unwitnessed : "");
}

static void probe_walker(struct probe *probe, const struct kernel *kernel)
{
	const struct sensor_options options = { .groups = SENSOR_GROUP_VERDICT };
	struct sensor_failure failure = {};
	struct load load = {};
	bool half = false;
	bool proved = !load_kernel_part(&load, kernel, &options, &failure) &&
		      !walker_prove(walker_walk_sensors, &load, &half, &failure);

	load_close(&load);
	probe_add(probe, "page-table walker", true, proved,
		  half ? "proved: an ordinary page reads present"
		       : "proved: an ordinary page reads present, a memfd_secret page absent",
		  "%s", failure.message);
}

static void nothing_waits(void *context)
{
	(void)context;
}

/* A hook that is there and has not fired keeps the reason beside it. */
static void feature_doubt(struct probe *probe, const char *name, enum sight_state state,
			  const char *reason)
{
	for (size_t i = 0; i < probe->nr; i++) {
		struct sensor_feature *feature = &probe->features[i];

		if (strcmp(feature->name, name) != 0)
			continue;
		if (!feature->present)
			continue;
		feature->unproven |= state >= SIGHT_UNPROVEN;
		snprintf(feature->reason, sizeof(feature->reason), "%s", reason);
	}
}

static void probe_refused(struct probe *probe, const struct load *load)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		const char *target = load_programs[i].target;

		for (size_t j = 0; load->left_out[i] && target && j < probe->nr; j++) {
			struct sensor_feature *feature = &probe->features[j];

			if (strcmp(feature->name, target) != 0)
				continue;
			feature->refused |= load_leaves_gap(i);
			feature->present = false;
			snprintf(feature->reason, sizeof(feature->reason),
				 "this kernel does not let it be hooked: %s",
				 load_left_out_words(load, i));
		}
	}
}

static void probe_unproven(struct probe *probe, const struct load *load)
{
	const char *names[LOAD_PROGRAMS_MAX];
	struct text text;
	struct touch touch;
	int error;

	(void)text_open(&text, names, load_hooked(load, names));
	error = touch_run(load, &touch, nothing_waits, NULL);
	for (size_t i = 0; i < load_programs_nr; i++) {
		char words[SIGHT_TEXT_LENGTH];
		enum sight_state state;

		if (!load_programs[i].target)
			continue;
		state = sight_judge(load, &text, &touch, error, i, words);
		if (state > SIGHT_PROVED)
			feature_doubt(probe, load_programs[i].target, state, words);
	}
	text_close(&text);
}

/* Hooks everything for a moment, and touches it. */
static void probe_sight(struct probe *probe, const struct kernel *kernel)
{
	const struct sensor_options options = { .groups =
							SENSOR_GROUP_VERDICT | SENSOR_GROUP_GUEST };
	struct sensor_failure failure = {};
	struct load load = {};
	int error = sight_check(&failure);

	if (!error)
		error = load_kernel_part(&load, kernel, &options, &failure);
	if (!error)
		error = load_attach(&load, LOAD_PART_KERNEL, &failure);
	if (!error)
		error = load_inodes_part(&load, kernel, &options, &failure);
	probe_add(probe, "hooks", true, !error, "those that a touch makes fire are proved", "%s",
		  failure.message);
	if (!error) {
		load_arm(&load);
		probe_refused(probe, &load);
		probe_unproven(probe, &load);
	}
	load_close(&load);
}

/* An error injected into a function that fexit traces reaches its caller as another value. */
static void probe_overrides(struct probe *probe)
{
	FILE *file = fopen("/sys/kernel/debug/fail_function/inject", "re");
	char line[256], hit[128] = "";

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		for (size_t i = 0; i < load_programs_nr; i++) {
			if (load_programs[i].target && !strcmp(load_programs[i].target, line))
				snprintf(hit, sizeof(hit), "%s", load_programs[i].target);
		}
	}
	if (file)
		fclose(file);
	probe_add(probe, "no override on a traced function", false, !hit[0], "fail_function (4.16)",
		  "%s is overridden: with fexit attached its caller sees a wrong value; inject "
		  "with fmod_ret",
		  hit);
}

/* Traced all the same; but what the patch does inside, and by which routines, is its own. */
static void probe_livepatch(struct probe *probe)
{
	char names[256] = "";

	livepatch_look(LIVEPATCH_DIRECTORY, names, sizeof(names));
	probe_add(probe, "no live patch of a traced function", false, !names[0], "livepatch (4.0)",
		  "live-patched: %s: " RECORD_LIVEPATCHED_MEANS, names);
}

size_t sensor_probe(struct sensor_feature features[SENSOR_FEATURES_MAX])
{
	struct probe probe = { .features = features };
	struct sensor_failure failure = {};
	struct kernel kernel = {};
	bool allowed = !kernel_check_permissions(&failure);

	refusal_listen();
	probe_add(&probe, "permissions and BTF", true, allowed,
		  "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYSLOG (5.8)", "%s", failure.message);
	if (!allowed)
		return probe.nr;
	if (!probe_add(&probe, "kernel addresses", true, !kernel_open(&kernel, &failure),
		       "/proc/kallsyms", "%s", failure.message))
		goto close;
	probe_add(&probe, "kernel variables", true, !facts_read_config(&kernel, &failure),
		  "BPF_PROG_TYPE_SYSCALL (79a7f8bdb159, 5.14)", "%s", failure.message);
	probe_add(
		&probe, "fentry and fexit", true, program_type_supported(BPF_PROG_TYPE_TRACING),
		"BPF trampolines (fec56f5890d9, 5.5)",
		"the kernel loads no tracing programs: CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y");
	probe_functions(&probe, &kernel);
	probe_answers(&probe, &kernel);
	probe_symbols(&probe, &kernel);
	probe_walker(&probe, &kernel);
	probe_sight(&probe, &kernel);
	probe_overrides(&probe);
	probe_livepatch(&probe);
close:
	kernel_close(&kernel);
	return probe.nr;
}
