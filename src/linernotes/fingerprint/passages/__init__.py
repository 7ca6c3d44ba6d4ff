"""Near-verbatim passages: pitch-invariant segment matching and runs of notes, beside exact landmarks."""
