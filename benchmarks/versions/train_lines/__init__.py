"""Train the network that reads melody, bass and chords off a transcription."""
