# Airflow, dbt and this project in one image; see docker-compose.yaml for what was tried of it.
FROM python:3.12.12-slim-bookworm
RUN useradd --create-home --uid 50000 airflow && mkdir -p /opt/ai-finops/var && chown -R airflow /opt/ai-finops
WORKDIR /opt/ai-finops
COPY --chown=airflow requirements.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY --chown=airflow dags dags
COPY --chown=airflow dbt_project dbt_project
COPY --chown=airflow plugins plugins
# Editable, so that the package finds the repository's other folders beside it.
RUN pip install --no-cache-dir --no-deps -e .
USER airflow
# Builds take over what this parses.
RUN python -m ai_finops.build.parse_process
