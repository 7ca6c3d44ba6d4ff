"""From a recording to vectors, one per segment: near each other where the music is the same."""
