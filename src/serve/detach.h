/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel does behind the end of whoever owned the sensors. */
#ifndef GMEMTRACE_SERVE_DETACH_H
#define GMEMTRACE_SERVE_DETACH_H

/* How many hold the kvm module; -1: not known. */
int detach_uses(void);

/*
 * Until no more hold it than @uses, as detach_uses() said before: programs are let go of some time
 * after their owner. Somebody else may have taken it meanwhile: five seconds at most.
 */
void detach_wait(int uses);

#endif
