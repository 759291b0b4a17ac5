"""Make a validated build the one that readers read, and read it.

<published>/builds/000012-2025-06-16-1f3a9c04/marts.duckdb    every mart: from fct_llm_calls, or marts.fct_llm_calls
                                             /<mart>.parquet  the same rows, one file a mart
                                             /build.json      what this build is
<published>/current -> builds/000012-2025-06-16-1f3a9c04      replaced in one step, last
"""

from ai_finops.publish.compare import Difference, compare_builds
from ai_finops.publish.current import current_build, open_published, resolve_build
from ai_finops.publish.postgres import publish_to_postgres
from ai_finops.publish.run_columns import RUN_COLUMNS
from ai_finops.publish.swap import publish

__all__ = [
    "RUN_COLUMNS",
    "Difference",
    "compare_builds",
    "current_build",
    "open_published",
    "publish",
    "publish_to_postgres",
    "resolve_build",
]
