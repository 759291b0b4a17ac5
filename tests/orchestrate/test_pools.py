"""The pool is there wherever a scheduler starts, and a person's change of it stays."""

import json
from contextlib import contextmanager

import pytest
import sqlalchemy
from airflow.models.pool import Pool
from sqlalchemy.orm import Session

from ai_finops.orchestrate.pools import BUILD_POOL, POOLS_FILE, PoolsListener, build_slot, make_missing_pools


class Job:
    """Airflow's own, as its listeners see it: by its name."""


@pytest.fixture
def database(monkeypatch, tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'airflow.db'}")

    @contextmanager
    def session():
        with Session(engine) as opened:
            yield opened
            opened.commit()

    monkeypatch.setattr("airflow.utils.session.create_session", session)
    return engine


def slots(engine):
    with Session(engine) as session:
        return dict(session.execute(sqlalchemy.select(Pool.pool, Pool.slots)).all())


def test_a_scheduler_that_starts_makes_the_pool_and_only_once(database, caplog):
    Pool.__table__.create(database)
    PoolsListener().on_starting(Job())
    assert slots(database) == {BUILD_POOL: 1}
    assert f"made the pool {BUILD_POOL}" in caplog.text
    assert make_missing_pools() == []


def test_a_pool_that_somebody_changed_is_left_as_it_is(database):
    Pool.__table__.create(database)
    with Session(database) as session:
        session.add(Pool(pool=BUILD_POOL, slots=0, description="stopped for now", include_deferred=False))
        session.commit()
    PoolsListener().on_starting(Job())
    assert slots(database) == {BUILD_POOL: 0}


def test_without_a_database_the_scheduler_starts_all_the_same(database, caplog):
    PoolsListener().on_starting(Job())
    assert "run airflow pools import" in caplog.text


def test_a_task_asks_no_database(database):
    Pool.__table__.create(database)
    PoolsListener().on_starting(object())
    assert slots(database) == {}


def test_the_file_is_what_airflows_own_command_takes():
    pools = json.loads(POOLS_FILE.read_text())
    assert set(pools) == {BUILD_POOL}
    assert {"slots", "description", "include_deferred"} == set(pools[BUILD_POOL])
    assert build_slot(0)["pool"] == BUILD_POOL
