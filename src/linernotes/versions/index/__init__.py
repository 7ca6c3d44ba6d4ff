"""The index of segment embeddings: which recordings hold segments near those of a query, among millions."""
