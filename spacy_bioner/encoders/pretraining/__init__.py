"""Masked-language-model training of encoders, on torch and transformers alone."""
