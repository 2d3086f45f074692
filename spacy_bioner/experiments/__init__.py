"""Grids of training runs, and the tables of their scores."""
