// SPDX-License-Identifier: GPL-2.0
#include "run/command.h"
#include "run/filter.h"
#include "run/owner.h"
#include "run/say.h"

#define RING_BYTES (16ULL << 20)

static bool start_interrupted(void *context)
{
	(void)context;
	return signals_pending();
}

static uint32_t groups_wanted(const struct run_options *options)
{
	uint32_t groups = SENSOR_GROUP_VERDICT;

	if (options->summary)
		return options->summary == RUN_SUMMARY_ALL
			       ? SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS
			       : SENSOR_GROUP_EXPOSURES;
	if (options->changes)
		groups |= SENSOR_GROUP_CHANGES;
	if (options->page_free)
		groups |= SENSOR_GROUP_PAGE_FREE;
	if (options->witness)
		groups |= SENSOR_GROUP_WITNESS;
	if (options->guest)
		groups |= SENSOR_GROUP_GUEST;
	if (options->flushes)
		groups |= SENSOR_GROUP_FLUSHES | SENSOR_GROUP_ACKNOWLEDGE;
	if (options->flushes && options->stack_rate)
		groups |= SENSOR_GROUP_STACK;
	return groups;
}

/* The daemon's settings are its own: what was asked for and cannot be had is not dropped. */
static enum gmemtrace_status daemon_suits(const struct run_options *options,
					  const struct sensor_client *client)
{
	uint32_t groups = sensor_client_groups(client);
	bool page_free = groups & SENSOR_GROUP_PAGE_FREE;
	uint32_t summary = options->summary ? groups_wanted(options) : 0;
	const char *option = NULL;

	if (!sensor_client_daemon(client))
		return 0;
	if (options->ring_bytes)
		option = "--ring";
	else if (options->release_bytes)
		option = "--release-limit";
	else if (options->lock)
		option = "--lock";
	else if ((groups & summary) != summary)
		option = "--summary";
	else if (!summary && !(groups & SENSOR_GROUP_VERDICT))
		option = "no --summary";
	else if (options->changes && !(groups & SENSOR_GROUP_CHANGES))
		option = "--changes";
	else if (options->flushes_asked && !(groups & SENSOR_GROUP_FLUSHES))
		option = "--flushes";
	else if (options->page_free_asked && options->page_free != page_free)
		option = page_free ? "--no-page-free" : "--page-free";
	else if (options->witness_asked && options->witness && !(groups & SENSOR_GROUP_WITNESS))
		option = "--witness";
	if (!option)
		return 0;
	run_say(options,
		"%s: the sensors are those of gmemtraced (%s), which was started otherwise: "
		"end that one first, or leave it out",
		option, options->socket);
	return GMEMTRACE_USAGE;
}

enum gmemtrace_status owner_open(const struct run_options *options, struct sensor_client **client)
{
	const struct sensor_source source = {
		.socket = options->socket,
		.daemon_only = options->socket_only,
		.wait_detach = options->wait_detach,
		.interrupted = start_interrupted,
	};
	const struct sensor_options sensor = {
		.groups = groups_wanted(options),
		.stack_rate = options->stack_rate,
		.ring_bytes = options->ring_bytes ? options->ring_bytes : RING_BYTES,
		.release_chunks = sensor_chunks(options->release_bytes),
		.filtered = filter_vm(options),
		.lock = options->lock,
	};
	struct sensor_failure failure = {};

	if (!sensor_client_open(client, &sensor, &source, &failure))
		return daemon_suits(options, *client);
	run_say(options, "%s", failure.message);
	return failure.status;
}

uint64_t owner_ring_bytes(const struct run_options *options, const struct sensor_client *client)
{
	if (sensor_client_daemon(client))
		return 0;
	return options->ring_bytes ? options->ring_bytes : RING_BYTES;
}
