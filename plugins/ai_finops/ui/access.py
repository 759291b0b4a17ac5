"""Who may see the page: whoever may read the DAG that makes what it shows.

The permission asked for is `GET` on the DAG `build_marts`. Every auth manager knows it and can give it to some people and
not to others: in FAB it is `can_read` on `DAG:build_marts` (or on all DAGs, which `Viewer` has), in the simple auth manager
every role has it. A view permission of Airflow's own (`AccessView`) names none of our pages, and one of our own name would be
in no role until somebody put it there. Who is not signed in gets 401, who may not 403.
"""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag

DAG_ID = "build_marts"

require_access = requires_access_dag("GET", param_dag_id=DAG_ID)
"""A dependency for the whole application."""
