// SPDX-License-Identifier: GPL-2.0
/* Writes the fuzzer's first corpus: streams of records that the simulator's kernels made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/capture.h"
#include "../unit/simulator.h"

#define SEED_BYTES 60000

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIRECTORY\n");
		return 64;
	}
	for (unsigned int seed = 1; seed <= 26; seed++) {
		struct simulator_options options = {
			.seed = seed,
			.fault = (enum simulator_fault)(seed % FAULT_NR),
			.loss = seed % 3 ? 0 : 0.02,
			.before_attach = seed % 4 == 0,
			.steps = 400,
		};
		struct simulator_result result;
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/simulated-%u", argv[1], seed);
		file = fopen(path, "w");
		if (!file) {
			perror(path);
			return 2;
		}
		options.out = file;
		options.out_bytes = SEED_BYTES;
		simulator_run(&options, &result);
		simulator_result_free(&result);
		if (fclose(file)) {
			perror(path);
			return 2;
		}
	}
	return 0;
}
