"""From audio to notes and lines: transcription, note events, melody, bass and chords."""
