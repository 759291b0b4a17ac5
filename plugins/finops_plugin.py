"""Declares what this project adds to Airflow's own navigation; the "AI cost" page will be registered here."""

import os
import sys

from airflow.plugins_manager import AirflowPlugin

# Every process of Airflow reads this file, whoever set it up: nothing of this project reports home, and Cosmos would.
os.environ["AIRFLOW__COSMOS__ENABLE_TELEMETRY"] = "False"
if "cosmos.settings" in sys.modules:
    sys.modules["cosmos.settings"].enable_telemetry = False


class FinopsPlugin(AirflowPlugin):
    """The plugin's one name; it registers nothing yet."""

    name = "ai_finops"
