"""Dated list prices and this deployment's own: what the warehouse and the analyses price usage with."""
