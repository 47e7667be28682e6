// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/trace/trace_code.h"

#define EDGE(name, kind, flags) [TRACE_CODE_##name] = {kind, flags},
#define CODE(name, kind, flags) [kind][flags] = TRACE_CODE_##name,

const struct trace_code_edge trace_edge_of[16] = {TRACE_CODE_TABLE(EDGE)};
const __u8 trace_code_of[TRACE_EDGE_KINDS][TRACE_EDGE_FLAGS] = {TRACE_CODE_TABLE(CODE)};
