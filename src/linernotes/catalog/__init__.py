"""Recordings and the tables that describe them: titles, artists, rightsholders, identifiers."""
