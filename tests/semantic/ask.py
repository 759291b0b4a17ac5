"""`python -m tests.semantic.ask` answers a list of MetricFlow queries, as JSON on standard input, in one process.

The way is that of `ai-finops metrics`: dbt's target `published` and MetricFlow's own configuration; only its start is shared.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any


def main() -> None:
    """Print `{"rows": one list of rows by column name a query, "broken": what validation found}` as JSON."""
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from metricflow.engine.metricflow_engine import MetricFlowQueryRequest
    from metricflow.validation.data_warehouse_model_validator import DataWarehouseModelValidator
    from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator

    configuration = CLIConfiguration()
    configuration.setup(configure_file_logging=False)
    answers = []
    for query in json.load(sys.stdin):
        table = configuration.mf.query(MetricFlowQueryRequest.create(**query)).result_df
        answers.append([dict(zip(table.column_names, map(_plain, row), strict=True)) for row in table.rows])
    manifest = configuration.semantic_manifest
    found = SemanticManifestValidator().validate_semantic_manifest(manifest)
    in_marts = DataWarehouseModelValidator(sql_client=configuration.sql_client)
    broken = [
        *found.errors,
        *in_marts.validate_dimensions(manifest).errors,
        *in_marts.validate_entities(manifest).errors,
    ]
    print(json.dumps({"rows": answers, "broken": [str(each) for each in broken]}))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value)[:10] if hasattr(value, "isoformat") else value


if __name__ == "__main__":
    main()
