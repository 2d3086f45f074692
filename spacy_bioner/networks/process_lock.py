"""A lock among the threads of one process, whatever became of it in the one it was forked from."""

from __future__ import annotations

import os
from threading import Lock


class ProcessLock:
    """A `threading.Lock`, free in a process that was forked while another thread held it.

    That thread does not come along, and would never give it back. For locks that live as long as
    the process does, used by `with` alone.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
