"""Methods from per-item gradients: TracIn, TRAK, D-TRAK, DAS."""
