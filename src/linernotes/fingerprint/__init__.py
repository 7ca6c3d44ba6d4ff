"""Is it the same recording? Landmarks, an index of them, and a decision at a declared false-match rate."""
