"""Transformers of the library `transformers` in forms of our own for CPUs, in plain torch."""
