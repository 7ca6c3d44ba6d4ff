"""Influence of groups (artists, rightsholders): unlearned models, group scores, Shapley shares."""
