// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The writer of a recording when something has gone wrong before it. */
#include <errno.h>

#include "edge/record/trace_sink.h"
#include "test.h"

TEST(a_writer_that_was_never_started_is_not_waited_for)
{
	struct trace_sink *s = trace_sink__new(-1, 0);
	struct bytes none = {0};

	CHECK(s);
	trace_sink__end(s, &none, 0);
	CHECK_EQ(trace_sink__wait(s, 100), -ESRCH);
	CHECK_EQ(trace_sink__wait(s, -1), -ESRCH);
	trace_sink__free(s);
}

TEST_MAIN
