"""One thread for each process that the tests start: several of them share few cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
