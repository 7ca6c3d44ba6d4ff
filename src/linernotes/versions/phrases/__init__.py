"""The phrase network: what a few seconds of harmony, melody and bass say together, as vectors that compare."""
