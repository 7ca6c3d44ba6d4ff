"""The published CLEWS networks, from a checkpoint that you downloaded."""
