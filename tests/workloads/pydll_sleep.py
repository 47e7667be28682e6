# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""pydll_sleep.py N M T_MS: sleeps with the GIL held."""
import ctypes

import sleepers

sleepers.main(ctypes.PyDLL)
