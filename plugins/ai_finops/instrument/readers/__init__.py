"""How each provider's answer says its usage, one file per family; all give the same `Reading`."""
