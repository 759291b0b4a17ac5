"""What deadlines count from, read back as Airflow's scheduler does."""

from datetime import timedelta

from airflow.models.deadline import ReferenceModels
from airflow.serialization.decoders import decode_deadline_reference
from airflow.serialization.encoders import encode_deadline_reference

from ai_finops.orchestrate.deadlines import SinceQueued
from ai_finops.orchestrate.handling import told_when_longer_than


def test_a_deadline_is_none_that_airflow_fails_to_clear():
    reference = told_when_longer_than(timedelta(hours=1)).reference
    # By this name a clear looks for what it then cannot read.
    assert encode_deadline_reference(reference)["reference_type"] != ReferenceModels.DagRunQueuedAtDeadline.__name__


def test_airflow_finds_the_reference_by_the_plugin(monkeypatch):
    import finops_plugin
    from airflow import plugins_manager

    monkeypatch.setattr(plugins_manager, "_get_plugins", lambda: ([finops_plugin.FinopsPlugin], {}))
    plugins_manager.get_deadline_references_plugins.cache_clear()
    try:
        read = decode_deadline_reference(encode_deadline_reference(SinceQueued()))
    finally:
        plugins_manager.get_deadline_references_plugins.cache_clear()
    assert isinstance(read.inner_ref, SinceQueued)
