"""Curvature of the loss, Kronecker-factored or diagonal, and EK-FAC influence."""
