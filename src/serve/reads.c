// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "gmemtrace/model.h"
#include "serve/reads.h"

#define FIRST_ALIGNMENT 64 /* words of the xarray are read whole */

size_t reads_room(const struct reads_queue *queue)
{
	size_t taken = queue->nr + queue->flying + queue->choices_nr;

	if (queue->stop)
		return 0;
	return (READS_WAITING - taken) * sizeof(struct server_command) - queue->partial_bytes;
}

static bool range_valid(const struct server_command *command)
{
	return command->inode && command->snapshot && command->nr &&
	       command->first % FIRST_ALIGNMENT == 0 && command->first < MODEL_PGOFF_MAX &&
	       command->nr <= MODEL_PGOFF_MAX - command->first;
}

static void range_push(struct reads_queue *queue, const struct reads_range *range)
{
	queue->ranges[(queue->head + queue->nr++) % READS_WAITING] = *range;
}

static int command_take(struct reads_queue *queue, const struct server_command *command)
{
	const struct reads_range range = {
		.inode = command->inode,
		.first = command->first,
		.nr = command->nr,
		.snapshot = command->snapshot,
		.pass = command->pass,
	};

	switch (command->kind) {
	case SERVER_COMMAND_SNAPSHOT:
		if (!range_valid(command))
			return -EPROTO;
		range_push(queue, &range);
		return 0;
	case SERVER_COMMAND_LEAVE_OUT:
		if (!command->inode || command->first > 1 || queue->choices_nr == READS_CHOICES)
			return -EPROTO;
		queue->choices[queue->choices_nr++] =
			(struct reads_choice){ command->inode, command->first };
		return 0;
	case SERVER_COMMAND_SUMS:
		queue->sums = true;
		return 0;
	case SERVER_COMMAND_HISTORY:
		if (queue->past)
			return -EPROTO;
		queue->past = true;
		queue->since = command->first;
		return 0;
	case SERVER_COMMAND_STOP:
		queue->stop = true;
		queue->nr = 0;
		return 0;
	default:
		return -EPROTO;
	}
}

int reads_input(struct reads_queue *queue, const void *data, size_t bytes)
{
	const char *from = data;
	int error = 0;

	while (bytes && !error && !queue->stop) {
		struct server_command command;
		size_t part = sizeof(command) - queue->partial_bytes;

		if (part > bytes)
			part = bytes;
		memcpy(queue->partial + queue->partial_bytes, from, part);
		queue->partial_bytes += part;
		from += part;
		bytes -= part;
		if (queue->partial_bytes < sizeof(command))
			break;
		memcpy(&command, queue->partial, sizeof(command));
		queue->partial_bytes = 0;
		error = command_take(queue, &command);
	}
	return error;
}

/* The number tells the place in the table. */
static struct reads_flight *flight_add(struct reads *reads)
{
	for (uint64_t i = 0; i < READS_FLYING; i++) {
		struct reads_flight *flight = &reads->flights[i];

		if (flight->number)
			continue;
		flight->number = READS_NUMBER | (++reads->last * READS_FLYING + i);
		return flight;
	}
	return NULL;
}

struct reads_flight *reads_start(struct reads *reads, struct reads_queue *queue, uint64_t client,
				 uint64_t now)
{
	struct reads_flight *flight;
	struct reads_range *range;

	if (!queue->nr)
		return NULL;
	flight = flight_add(reads);
	if (!flight)
		return NULL;
	range = &queue->ranges[queue->head];
	queue->head = (queue->head + 1) % READS_WAITING;
	queue->nr--;
	queue->flying++;
	flight->client = client;
	flight->sent = now;
	flight->range = *range;
	flight->rest = 0;
	if (range->nr > RECORD_SNAPSHOT_CHUNK) {
		flight->range.nr = RECORD_SNAPSHOT_CHUNK;
		flight->rest = range->nr - RECORD_SNAPSHOT_CHUNK;
	}
	return flight;
}

struct reads_flight *reads_find(struct reads *reads, uint64_t number)
{
	struct reads_flight *flight = &reads->flights[number % READS_FLYING];

	return number >= READS_NUMBER && flight->number == number ? flight : NULL;
}

void reads_done(struct reads_flight *flight, struct reads_queue *queue, uint64_t pages)
{
	struct reads_range rest = flight->range;

	flight->number = 0;
	if (!queue)
		return;
	queue->flying--;
	rest.first += rest.nr;
	rest.nr = flight->rest;
	/* The inode's own size bounds the work, as it is now and not as it was once told. */
	if (rest.nr && rest.first < pages && !queue->stop)
		range_push(queue, &rest);
}

bool reads_overdue(const struct reads_flight *flight, uint64_t now)
{
	return flight->number && now - flight->sent >= READS_ANSWER_NS;
}
