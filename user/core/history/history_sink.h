/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HISTORY_SINK_H
#define HISTORY_SINK_H

#include "core/figures/tick_sink.h"
#include "core/history/history.h"

/* Returns a sink that feeds the history, and is valid as long as that. */
struct tick_sink history__sink(struct history *h);

#endif
