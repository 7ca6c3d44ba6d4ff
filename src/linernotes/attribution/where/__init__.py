"""Which seconds of the output, and which seconds of each recording."""
