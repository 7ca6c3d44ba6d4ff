"""How fast segments are searched, ours beside other vector indexes."""
