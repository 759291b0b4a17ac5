"""A `View` as an HTML page."""
