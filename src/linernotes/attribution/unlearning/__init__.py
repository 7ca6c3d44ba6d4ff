"""Unlearn the output, or each item, by a step of training, and see whose loss moved."""
