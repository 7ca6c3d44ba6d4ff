"""Train the phrase network, the learned projection of `linernotes.versions.phrases`."""
