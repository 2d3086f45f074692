"""A spaCy plugin for biomedical named entity recognition with a transformer and a CRF."""

__version__ = "0.1.0"
