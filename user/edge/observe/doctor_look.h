/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gathers what `gilscope doctor` tells: from /proc, from a trial, from an interpreter's file. */
#ifndef DOCTOR_LOOK_H
#define DOCTOR_LOOK_H

#include "core/doctor/doctor.h"

/* The machine, and a trial of the probes on gilscope itself; `verbose`: with what the BPF loader
 * says. */
void doctor_look__machine(struct doctor_machine *m, bool verbose);
/* The CPython in process pid, which is not disturbed; on a machine that has been looked at. */
void doctor_look__process(struct doctor_python *p, const struct doctor_machine *m, pid_t pid);
/* The interpreter that a command of this name would run, which is not run. */
void doctor_look__file(struct doctor_python *p, const struct doctor_machine *m,
		       const char *command);

#endif
