# Two images: `pipeline` is Airflow, dbt and this project, `collector` the OpenTelemetry Collector with a Python for its
# health check. See docs/deployment.md for what was tried of this.
FROM otel/opentelemetry-collector-contrib:0.160.0 AS otelcol

FROM python:3.12.12-slim-bookworm AS collector
COPY --from=otelcol /otelcol-contrib /otelcol-contrib
COPY plugins/ai_finops/deploy/health.py /health.py
# The queue of what S3 has not taken yet lies in a volume, which begins as a copy of this folder, owner included.
RUN mkdir -p /var/lib/otelcol && chown 10001:10001 /var/lib/otelcol
USER 10001:10001
ENTRYPOINT []

FROM python:3.12.12-slim-bookworm AS pipeline
RUN groupadd --gid 50000 airflow && useradd --create-home --uid 50000 --gid 50000 airflow
WORKDIR /opt/ai-finops
COPY requirements.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY dags dags
COPY dbt_project dbt_project
COPY plugins plugins
# Editable, so that the package finds the repository's other folders beside it.
RUN pip install --no-cache-dir --no-deps -e .
# Builds take over what this parses; what runs may write into the two volumes alone.
RUN python -m ai_finops.build.parse_process && mkdir -p var alarms && chown airflow:airflow var alarms
USER 50000:50000
