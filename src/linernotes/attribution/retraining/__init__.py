"""Training again, in part: `siblings` (short fine-tunings on halves) and `unrolled` (training runs, differentiated)."""
