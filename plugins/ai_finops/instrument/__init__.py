"""What product services import: which feature asked for a model call, what it used, and what it cost by list price."""
