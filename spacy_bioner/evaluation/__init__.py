"""Scores and their analysis, as pure functions."""
