"""The attribution index and the anytime top-k: an answer in well under a second."""
