/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gathers what `gilscope doctor` reports, from /proc, a trial of the probes, and an interpreter's
 * file. */
#ifndef DOCTOR_LOOK_H
#define DOCTOR_LOOK_H

#include "core/doctor/doctor.h"

/* Examines the machine, and tries the probes on gilscope itself. `verbose` prints the messages of
 * the BPF loader. */
void doctor_look__machine(struct doctor_machine *m, bool verbose);
/* Examines the CPython in process pid, without disturbing it. m must be filled already. */
void doctor_look__process(struct doctor_python *p, const struct doctor_machine *m, pid_t pid);
/* Examines the file of the interpreter that this command would run, without running it. */
void doctor_look__file(struct doctor_python *p, const struct doctor_machine *m,
		       const char *command);

#endif
