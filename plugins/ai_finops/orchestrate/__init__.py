"""What the DAG files share: the day of a run, the extract tasks, dbt as tasks of the grid."""
