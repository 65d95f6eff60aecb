// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <sys/prctl.h>

#include "daemon/child.h"
#include "serve/descriptors.h"

void child_begin(const int *kept, size_t nr)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	descriptors_keep(kept, nr);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* The parent has them blocked while it does not wait. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
