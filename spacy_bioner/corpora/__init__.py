"""Annotated corpora: reading, writing, statistics, and conversion to spaCy's Doc."""
