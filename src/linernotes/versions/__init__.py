"""Is it the same music, played otherwise, and in which seconds."""
