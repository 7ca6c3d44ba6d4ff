"""Linernotes: credits for generated music."""
