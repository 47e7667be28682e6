/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small machine of threads, CPUs and one GIL, which randomly does what a real machine may do. */
#ifndef FIXTURES_MACHINE_H
#define FIXTURES_MACHINE_H

#include "fixtures_reference.h"

/* Fills run with valid edges, which depend only on the seed. Half of the runs are observed only
 * from some moment on. */
void machine_run(struct run *run, __u64 seed);

#endif
