# syntax=docker/dockerfile:1
# One file, three images: platform (Airflow, the command line), learning (and torch, MLflow, DVC), edge (a device).
# Base images and the wheels of platform and edge are there for amd64 and arm64:
#   docker buildx build --platform linux/arm64 --target edge --build-arg TRITON=no .
# On a Jetson give BASE an image of NVIDIA's with JetPack's libraries and Python 3.11, and HERDBOOK_TRITON its server.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
RUN groupadd --gid 10001 herdbook && useradd --uid 10001 --gid 10001 --home-dir /tmp --shell /usr/sbin/nologin herdbook \
    && mkdir -p /var/lib/herdbook /var/lib/backups /var/lib/airflow/logs /var/lib/device /run/herdbook /opt/herdbook /data \
    && chown -R herdbook:herdbook /var/lib/herdbook /var/lib/backups /var/lib/airflow /var/lib/device /run/herdbook /data
WORKDIR /opt/herdbook
COPY docker/entrypoint.sh docker/device.sh docker/
ENTRYPOINT ["/opt/herdbook/docker/entrypoint.sh"]
USER 10001:10001

# Builds what the others copy: nothing of it is in an image that runs.
FROM base AS build
USER root
COPY requirements.lock ./
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > /tmp/uv.txt \
    && python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/uv.txt \
    && uv venv /opt/venv
COPY pyproject.toml README.md dvc.yaml params.yaml ./
COPY src src
COPY models models
COPY sql sql

FROM build AS build-platform
RUN uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python --constraint requirements.lock \
    '.[airflow,cluster,fleet,reports]'

FROM build-platform AS build-learning
RUN uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python --constraint requirements.lock \
    '.[airflow,cluster,fleet,reports,learning,edge]' && uv pip uninstall --python /opt/venv/bin/python opencv-python \
    && uv pip install --no-cache --reinstall --python /opt/venv/bin/python --constraint requirements.lock opencv-python-headless

FROM build AS build-edge
COPY requirements-triton.lock ./
RUN uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python --constraint requirements.lock '.[edge]' \
    && uv pip uninstall --python /opt/venv/bin/python opencv-python \
    && uv pip install --no-cache --reinstall --python /opt/venv/bin/python --constraint requirements.lock opencv-python-headless
# A Triton server without a container of its own (docs/fleet-manager.md); on a Jetson NVIDIA's own takes its place.
ARG TRITON=yes
RUN mkdir -p /opt/triton && if [ "$TRITON" = yes ]; then uv venv --clear /opt/triton \
    && uv pip install --no-cache --python /opt/triton/bin/python --require-hashes -r requirements-triton.lock; fi

FROM base AS platform
USER root
# postgresql-client: pg_dump of the server's version, for backups. git: herdbook doctor, and learning.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-client git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-platform /opt/venv /opt/venv
COPY dags dags
COPY plugins plugins
USER 10001:10001
HEALTHCHECK --interval=5m --timeout=1m CMD ["herdbook", "--help"]
CMD ["herdbook", "doctor"]

FROM platform AS learning
COPY --from=build-learning /opt/venv /opt/venv

FROM base AS edge
USER root
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libglib2.0-0 && rm -rf /var/lib/apt/lists/*
COPY --from=build-edge /opt/venv /opt/venv
COPY --from=build-edge /opt/triton /opt/triton
USER 10001:10001
CMD ["herdbook", "edge", "--help"]
