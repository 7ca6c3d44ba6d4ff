"""Which disclosed recordings moved the generator toward an output: ranked, with uncertainty."""
