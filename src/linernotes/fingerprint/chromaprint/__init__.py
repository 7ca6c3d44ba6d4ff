"""Chromaprint: read, write, compute, compare and search the fingerprints that AcoustID uses."""
