"""How far a figure can be trusted: retrained counterfactuals, reliability, sanity checks, sound quality."""
