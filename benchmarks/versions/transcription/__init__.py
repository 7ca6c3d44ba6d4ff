"""The transcription beside the package that its network comes from."""
