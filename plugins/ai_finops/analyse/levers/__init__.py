"""What could be saved, a module a lever: from the marts and what people decided to opportunities, in dollars a month."""
