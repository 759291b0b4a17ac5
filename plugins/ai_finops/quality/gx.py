"""Great Expectations, set up so that it sends nothing, writes only where told and prints nothing.

Import it inside a function: loading it takes seconds.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read while it is imported
logging.getLogger("great_expectations").setLevel(logging.ERROR)  # it logs every method it cannot document

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations as gx
    from great_expectations import expectations
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

__all__ = ["Check", "Severity", "expectations", "new_context", "rule", "validate"]

_SOURCE, _ASSET, _BATCH = "marts", "rows", "candidate"


class Severity(StrEnum):
    """What a broken expectation does."""

    FAIL = "fail"
    """The build is not published."""
    WARN = "warn"
    """The build is published; the Data Docs and the result of the audit's task name it, the weekly message does not."""


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a mart: a query, and what must hold of its rows."""

    mart: str
    name: str
    """Name of the suite and of its page in the Data Docs."""
    sql: str
    """What is looked at; `$as_of_date` is the build's. Money that must tie is whole micro-dollars here, because a data
    frame holds decimals as doubles."""
    expectations: tuple[expectations.Expectation, ...]


def rule(
    type_of: type, why: str, *, severity: Severity = Severity.FAIL, kind: str | None = None, **arguments: object
) -> expectations.Expectation:
    """Return an expectation that says why it is there and what happens when it is broken.

    Args:
        type_of: The class of the expectation.
        why: A sentence for the reader of the Data Docs.
        severity: Whether it stops the build.
        kind: Of `kinds.Kind`, where its type or the name of its check does not say.
        arguments: Of the expectation.
    """
    level = {Severity.FAIL: "critical", Severity.WARN: "warning"}[severity]
    meta = {"severity": str(severity)} | ({"kind": str(kind)} if kind else {})
    return type_of(**arguments, severity=level, notes=why, meta=meta)


def new_context(data_docs: Path) -> EphemeralDataContext:
    """Return a context that keeps everything in memory and builds its static site in `data_docs`."""
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(data_docs)},
        # A page of results has its expectations and why; pages of expectations alone would say the same again.
        "site_section_builders": {"expectations": "None", "profiling": "None"},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={"marts": site},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    # One for all: each that is added has the configuration of the whole context written out again.
    asset = context.data_sources.add_pandas(_SOURCE).add_dataframe_asset(_ASSET)
    asset.add_batch_definition_whole_dataframe(_BATCH)
    return context


def validate(
    context: EphemeralDataContext, check: Check, *, frame: object, run_name: str
) -> ExpectationSuiteValidationResult:
    """Hold the rows of one check, a pandas data frame, against its expectations; the pages name the run."""
    batch = context.data_sources.get(_SOURCE).get_asset(_ASSET).get_batch_definition(_BATCH)
    suite = context.suites.add(gx.ExpectationSuite(name=check.name, expectations=list(check.expectations)))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=check.name, data=batch, suite=suite))
    return definition.run(
        batch_parameters={"dataframe": frame}, result_format="SUMMARY", run_id=RunIdentifier(run_name=run_name)
    )
