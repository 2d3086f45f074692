"""Settings for all tests.

One thread for each process that they start: several of them share few cores. And no
deadline for single examples of hypothesis: on a busy machine any of them may be late.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
