"""Figures of the benchmark, each a small function of scores and truth."""
