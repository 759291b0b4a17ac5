"""How the publisher knows what is its own in PostgreSQL: by the last paragraph of a comment, which BI tools show.

Only marked tables are compared, replaced or dropped; a table that somebody made beside them is not, whatever its name. The
mark of `dim_builds` also says whom the setting let read, so that who is taken off it can be told from who was let in by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

MARK = "Published by ai-finops."
READERS_IN = "dim_builds"
"""The table whose mark lists the readers."""
IS_MARKED = rf"(^|\n\n){re.escape(MARK)}[^\n]*$"
"""A regular expression, of Python and of PostgreSQL alike, that a marked comment matches."""
_READERS = re.compile(rf"(?:^|\n\n){re.escape(MARK)} Readers by its setting: (\[[^\n]*\])$")


def marked(text: str | None, *, readers: Sequence[str] = ()) -> str:
    """Return a comment with the mark, and with the roles that the setting lets read."""
    mark = f"{MARK} Readers by its setting: {json.dumps(list(readers))}" if readers else MARK
    return f"{text}\n\n{mark}" if text else mark


def readers_in(comment: str | None) -> tuple[str, ...]:
    """Return the roles that a marked comment lists."""
    found = _READERS.search(comment or "")
    return tuple(json.loads(found[1])) if found else ()
