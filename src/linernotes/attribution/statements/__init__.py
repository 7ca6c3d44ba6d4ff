"""From scores to statements: shares, intervals, calibrated effects, clusters, abstention."""
