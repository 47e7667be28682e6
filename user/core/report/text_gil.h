/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sections of the text report about one GIL. */
#ifndef TEXT_GIL_H
#define TEXT_GIL_H

#include "core/figures/snapshot.h"
#include "core/base/text.h"

/* Each returns 0 or -ENOMEM. */
int text_gil(const struct text *t, const struct snapshot_process *p, const struct snapshot_gil *g);
/* Only the part about the threads. */
int text_threads(const struct text *t, const struct snapshot_process *p,
		 const struct snapshot_gil *g);
/* Only the part about the functions, if samples were taken. */
int text_functions(const struct text *t, const struct snapshot_gil *g);

#endif
