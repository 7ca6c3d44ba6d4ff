"""Reading, writing and looking at audio."""
