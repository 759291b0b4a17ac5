"""From the lake to validated, published marts: prepare → dbt phase 1 → analyse → dbt phase 2 → audit → publish.

Each step is a plain function over the dict that `prepare` returns, so that a DAG task and the command line call the same.
"""

from ai_finops.build.analysis import analyse
from ai_finops.build.candidate import candidates, find_build, prepare
from ai_finops.build.dbt import run_dbt
from ai_finops.build.whole import build_all, build_candidate

__all__ = ["analyse", "build_all", "build_candidate", "candidates", "find_build", "prepare", "run_dbt"]
