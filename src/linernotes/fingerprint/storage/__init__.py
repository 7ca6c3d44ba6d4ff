"""The index on disk: immutable segments, a journal, a manifest; see `linernotes.fingerprint.store`."""
