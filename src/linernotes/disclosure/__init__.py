"""What a provider publishes about a training corpus: documents, their completeness, requests and leads."""
