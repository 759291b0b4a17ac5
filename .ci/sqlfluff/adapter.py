"""What sqlfluff's jinja needs of dbt's `adapter`: the macro that holds for every engine, which is DuckDB's."""

from collections.abc import Callable

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str, _package: str) -> Callable[..., str]:
    """Return macro `default__<name>` of the file that asks for it."""
    return context[f"default__{name}"]
