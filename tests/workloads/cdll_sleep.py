# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""cdll_sleep.py N M T_MS: sleeps with the GIL released."""
import ctypes

import sleepers

sleepers.main(ctypes.CDLL)
