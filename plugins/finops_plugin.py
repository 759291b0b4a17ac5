"""Declares what this project adds to Airflow: the page "AI cost" in its navigation, and the pool that its DAGs need.

A plain link and no `url_route`: that would show the page in a frame whose sandbox (`allow-scripts allow-same-origin
allow-forms`, Airflow 3.3.2) has no `allow-downloads`, and no address of its own. Airflow adds no login to a mounted app;
`ai_finops.ui.access` does.
"""

from airflow.plugins_manager import AirflowPlugin

from ai_finops.orchestrate.deadlines import SinceQueued
from ai_finops.orchestrate.pools import PoolsListener
from ai_finops.ui.address import HREF, NAME, PREFIX
from ai_finops.ui.mounted import MountedPage


class FinopsPlugin(AirflowPlugin):
    """The page and its place in the navigation; what deadlines count from; the listener that makes missing pools."""

    name = "ai_finops"
    fastapi_apps = [{"app": MountedPage(), "url_prefix": PREFIX, "name": NAME}]  # noqa: RUF012 - as Airflow declares it
    external_views = [{"name": NAME, "href": HREF, "destination": "nav", "nav_top_level": True}]  # noqa: RUF012 - as above
    deadline_references = [SinceQueued]  # noqa: RUF012 - as above
    listeners = [PoolsListener()]  # noqa: RUF012 - as above
