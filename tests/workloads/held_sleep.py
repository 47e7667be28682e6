# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""held_sleep.py N M T_MS: like pydll_sleep.py, but with the module of static.c instead of
ctypes."""
import held

import sleepers

sleepers.main(lambda name: held)
