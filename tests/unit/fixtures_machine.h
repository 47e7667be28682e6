/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small machine of threads, CPUs and one GIL, which does what a real one may do, at random. */
#ifndef FIXTURES_MACHINE_H
#define FIXTURES_MACHINE_H

#include "fixtures_reference.h"

/* Fills run with valid edges: the same ones for the same seed. Half of the runs are observed from
 * some moment on. */
void machine_run(struct run *run, __u64 seed);

#endif
