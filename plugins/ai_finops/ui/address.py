"""Where the page is, in one place: its name in Airflow's navigation and the prefix that Airflow mounts it at."""

from __future__ import annotations

NAME = "AI cost"
PREFIX = "/ai-cost"
HREF = f"{PREFIX.removeprefix('/')}/"
"""Relative, because Airflow's UI has a `<base>`: it stays right where `[api] base_url` has a path. The slash at its end
matters: `/ai-cost` itself is not below the mount, and Airflow's own pages would answer."""
FIRST_SLUG = "weekly"
