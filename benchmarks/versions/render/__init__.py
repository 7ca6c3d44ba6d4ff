"""Notation to audio: MIDI reading, arranging, playing through sound fonts."""
