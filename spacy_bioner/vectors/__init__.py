"""Vectors of characters, n-grams and words, learnt from raw text."""
