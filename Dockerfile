# The service as an image: `docker build --tag beatwatch .`, or `make up` for everything around it.

FROM python:3.13-slim-trixie AS dependencies
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/service.txt /tmp/
# For arm64 faust-streaming has no wheel: there pip builds it, in pure Python without a compiler,
# with build tools of the day that no lock file covers.
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /tmp/service.txt
# The command of pyproject.toml. The package itself is run from /app, where it finds its model;
# so no build backend is needed, which the lock file of the service does not have.
RUN printf '#!/opt/venv/bin/python\nfrom service.cli import run\n\nrun()\n' > /opt/venv/bin/beatwatch \
    && chmod 755 /opt/venv/bin/beatwatch

FROM python:3.13-slim-trixie
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=dependencies /opt/venv /opt/venv
COPY LICENSE /app/
COPY models /app/models
COPY service /app/service
WORKDIR /app
USER 10001:10001
EXPOSE 9464
# urlopen raises on 503, and what is raised ends Python with 1.
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=1m \
    CMD ["python", "-c", "from os import environ; from urllib.request import urlopen; urlopen('http://127.0.0.1:' + environ.get('BEATWATCH_HTTP_PORT', '9464') + '/readyz', timeout=4)"]
# In exec form SIGTERM reaches the worker, which drains. As process 1 it would not be ended by a
# signal before it handles it: run it under an init (`init: true`, `docker run --init`).
ENTRYPOINT ["beatwatch"]
CMD ["worker"]
