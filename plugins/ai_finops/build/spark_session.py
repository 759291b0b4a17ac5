"""The Spark session of a build: its catalog and its tables lie in the build's own folder.

Which master, how much memory and how many partitions are Spark's own settings (`spark-defaults.conf` in SPARK_CONF_DIR);
without any, Spark uses the cores of this machine. What decides about results stands in `dbt_project/profiles.yml`.
"""

from __future__ import annotations

import os
import shutil
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import BuildError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def missing_for_spark() -> str | None:
    """Return what this machine lacks for a build on Spark, with how to get it; None where nothing is."""
    if not {"pyspark", "dbt-spark"} <= {found.name for found in distributions()}:
        return "Spark is not installed; make install-spark"
    home = os.environ.get("JAVA_HOME")
    if not (home and (Path(home) / "bin" / "java").exists()) and shutil.which("java") is None:
        return "Spark needs Java 17 (Debian: openjdk-17-jre-headless), on PATH or in JAVA_HOME"
    return None


def open_session(folder: Path) -> SparkSession:
    """Start the session of this process, over the catalog in `folder`, which may be there from an earlier phase.

    Raises:
        BuildError: Spark or Java is missing.
    """
    missing = missing_for_spark()
    if missing is not None:
        raise BuildError(missing)
    from pyspark.sql import SparkSession

    folder.mkdir(parents=True, exist_ok=True)
    catalog = f"jdbc:derby:;databaseName={folder / 'catalog'};create=true"
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        # A cluster's default file system may be another one.
        "spark.sql.warehouse.dir": f"file:{tables_folder(folder)}",
        "spark.hadoop.javax.jdo.option.ConnectionURL": catalog,
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder / 'derby.log'}",
    }
    builder = SparkSession.builder.appName("ai-finops").enableHiveSupport()
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def tables_folder(folder: Path) -> Path:
    """Return where the tables of a build's catalog lie: `<schema>.db/<table>/*.parquet`."""
    return folder / "tables"
