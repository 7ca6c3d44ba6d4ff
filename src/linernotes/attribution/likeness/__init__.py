"""Baselines that compare sounds: they rank likeness, not influence."""
