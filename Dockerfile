# SIPE as an image: the flow, and every command of `sipe`. It holds no server: the embedded stack is left out, which
# halves it. docker-compose.yml runs it; docs/deploy.md says how.
#
#   docker build --tag sipe:0.1.0 .

# Installs from the locks alone, every file checked against its hash; wheels only, so nothing is compiled.
FROM python:3.12.13-slim AS build
WORKDIR /src
COPY requirements/uv.txt requirements/server.txt requirements/
RUN python -m venv /opt/uv
RUN /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/uv.txt
RUN python -m venv --without-pip /opt/sipe
RUN /opt/uv/bin/uv pip sync --no-cache --python /opt/sipe/bin/python --require-hashes --only-binary :all: requirements/server.txt
COPY pyproject.toml README.md ./
COPY sipe/ sipe/
COPY models/ models/
COPY connectors/ connectors/
COPY pipelines/ pipelines/
COPY edge/ edge/
COPY api/ api/
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/sipe/bin/python --offline --no-deps .
RUN /opt/sipe/bin/python -m compileall -q /opt/sipe/lib

FROM python:3.12.13-slim
LABEL org.opencontainers.image.title="SIPE" \
      org.opencontainers.image.description="Real-time streaming analytics for factories that make electronic energy meters" \
      org.opencontainers.image.version="0.1.0"
COPY --from=build /opt/sipe /opt/sipe
# The only place it writes to, beside /tmp. A volume that is mounted here takes over owner and mode.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/sipe
ENV PATH=/opt/sipe/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SIPE_DATA_DIR=/var/lib/sipe \
    SIPE_MONITOR_PORT=9464
USER 10001:10001
WORKDIR /var/lib/sipe
VOLUME /var/lib/sipe
STOPSIGNAL SIGTERM
# The ticker's process of `sipe up` and the flow's beside it; a command that runs to its end is never asked.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-c", \
    "from urllib.request import urlopen; [urlopen(f'http://127.0.0.1:{port}/live', timeout=5) for port in (9464, 9465)]"]
ENTRYPOINT ["sipe"]
CMD ["--help"]
