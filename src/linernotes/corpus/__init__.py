"""The disclosed training set: ingest, consent, gaps, duplicates, seal, proofs of presence and absence."""
