"""dbt as tasks of the grid: one dbt process a phase, one task a model, through Cosmos' watcher mode."""

from __future__ import annotations

from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import BuildError


def dbt_phase(phase: str, *, prepared_by: str, settings: Settings):  # noqa: ANN201 - a Cosmos class, imported when needed
    """Return the task group that runs one phase of the dbt project and shows each model as a task.

    A failing data test fails the producer task, and with it the group: tests run inside that one process instead of
    doubling the tasks. Unit tests are about the code, not the day's data, and run in `make test` alone. Build id,
    warehouse path and clock come from the task `prepared_by`.

    Raises:
        BuildError: The project has not been parsed, so there is no manifest to draw the tasks from.
    """
    from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
    from cosmos.constants import DbtResourceType, ExecutionMode, InvocationMode, LoadMode, TestBehavior

    project = settings.dbt_project
    manifest = project / "target" / "manifest.json"
    require_manifest(manifest)
    prepared = f"ti.xcom_pull(task_ids='{prepared_by}')"
    return DbtTaskGroup(
        group_id=phase,
        project_config=ProjectConfig(dbt_project_path=project, manifest_path=manifest, install_dbt_deps=False),
        profile_config=ProfileConfig(
            profile_name="ai_finops", target_name="duckdb", profiles_yml_filepath=project / "profiles.yml"
        ),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER,
            invocation_mode=InvocationMode.DBT_RUNNER,
            setup_operator_args={"dbt_cmd_flags": ["--resource-type", "test"]},
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=[f"tag:{phase}"],
            test_behavior=TestBehavior.NONE,
            # The assets of this project are its own four, not one for each table of a candidate warehouse.
            emit_datasets=False,
            # Seeds are part of the one dbt process; a task for each would say nothing.
            node_converters={DbtResourceType.SEED: lambda **_: None},
        ),
        operator_args={
            "vars": {name: f"{{{{ {prepared}['{name}'] }}}}" for name in ("as_of_date", "built_on_as_of_date")},
            "env": {"AI_FINOPS_WAREHOUSE": f"{{{{ {prepared}['warehouse'] }}}}", "DO_NOT_TRACK": "1", "TZ": "UTC"},
            "append_env": True,
            "install_deps": False,
            "deferrable": False,
            "poke_interval": 1,
            "retries": 0,
        },
    )


def require_manifest(manifest: Path) -> None:
    """Raise `BuildError` when dbt has not parsed the project yet."""
    if not manifest.is_file():
        raise BuildError(f"{manifest} is missing; run `make manifest` (dbt parse) when deploying the DAGs")
