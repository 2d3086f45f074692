"""Models of thinc's, within which torch computes.

After a fork the threads that torch had are gone, and what asks for them waits for ever. So a
forked process, of `nlp.pipe(n_process=...)` or of a server that loads a pipeline and then forks,
has one thread from its beginning.
"""

import os

import torch

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
