# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each pattern of the table of verdicts once, several at the same time. tests/verdicts runs the whole
table."""
from lib import debian, each
from verdict_table import ROWS, run_together

TOGETHER = 4


@each(lambda: range((len(ROWS) + TOGETHER - 1) // TOGETHER))
def test_the_table(part):
    run_together(ROWS[part * TOGETHER:(part + 1) * TOGETHER], 6, 1, debian())
