"""Declares what this project adds to Airflow's own navigation; the "AI cost" page will be registered here."""

from airflow.plugins_manager import AirflowPlugin


class FinopsPlugin(AirflowPlugin):
    """The plugin's one name; it registers nothing yet."""

    name = "ai_finops"
