"""What is measured: ways to say how alike two pieces are."""
