"""What the DAG files share: the day of a run, the extract tasks, the events of published days."""
