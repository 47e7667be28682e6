# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each pattern of the table of verdicts once. tests/verdicts runs the whole table."""
from lib import debian, each
from verdict_table import ROWS, judge


@each(lambda: [row.pattern for row in ROWS])
def test_the_table(pattern):
    row, = [row for row in ROWS if row.pattern == pattern]
    judge(row, 6, 1, debian(), "launched")
