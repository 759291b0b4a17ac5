"""The page \"AI cost\" in Airflow: views of the published marts."""
