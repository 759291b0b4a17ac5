"""Alarms on the published marts: values and alarms in step with the features that exist, a trial of each, and a check of all.

sync    publish the last days' values, create, replace and delete alarms (CloudWatch), or write values and alerts (Prometheus)
try     synthetic breaches on a test dimension, through copies of a feature's alarms
check   which alarms could not fire, and why
"""

from ai_finops.alarms.check import check
from ai_finops.alarms.sync import sync
from ai_finops.alarms.trial import Trial, try_alarms

__all__ = ["Trial", "check", "sync", "try_alarms"]
