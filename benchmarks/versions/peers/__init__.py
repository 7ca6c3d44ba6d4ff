"""What ours is measured against: each a function of two recordings' sequences."""
