"""Clients of providers for the router; each takes the provider's own client, made and configured by you."""
