# syntax=docker/dockerfile:1
# One image for every process of pg-migrator: the command says which. `docker build -t pg-migrator .`

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE beat_schedule.py ./
COPY migrator migrator
COPY workers workers
COPY web web
# --without-pip: what installs stays behind in this stage.
RUN python -m venv --without-pip /opt/pg-migrator \
 && pip --python /opt/pg-migrator/bin/python install --no-cache-dir --disable-pip-version-check .

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="pg-migrator" \
      org.opencontainers.image.source="https://github.com/pg-migrator/pg-migrator" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin migrator
COPY --from=build /opt/pg-migrator /opt/pg-migrator
ENV PATH=/opt/pg-migrator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    # A worker then ends within its grace period instead of waiting for hours of work, which is taken up again by the next tick.
    REMAP_SIGTERM=SIGQUIT
# By number: Kubernetes checks runAsNonRoot without a look into the image.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 5555
# Where no other is named: the configuration loads and Redis answers. The compose file asks each process for itself.
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s --retries=3 CMD ["pg-migrator", "health", "redis"]
# No shell between: each command becomes its process by exec, so that SIGTERM reaches it.
ENTRYPOINT ["pg-migrator"]
CMD ["--help"]
