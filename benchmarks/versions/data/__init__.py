"""Pieces, splits and the truth about them."""
