# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""held_sleep.py N M T_MS: as pydll_sleep.py, with the module of static.c in place of ctypes."""
import held

import sleepers

sleepers.main(lambda name: held)
