"""Settings for all tests.

One thread for each process that they start: several of them share few cores. And no
deadline for single examples of hypothesis: on a busy machine any of them may be late.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch works on two threads."""
    import torch  # after the environment is set

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
