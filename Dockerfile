# Tenth: web and worker in one container (`tenth run`), or one worker (`tenth worker`).
FROM python:3.13-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY moderation moderation
COPY plugins plugins
COPY service service
COPY migrations migrations
RUN python -m venv /opt/tenth \
 && /opt/tenth/bin/pip install -c constraints.txt .

FROM python:3.13-slim-bookworm

RUN useradd --system --uid 10001 --home-dir /data --create-home tenth
COPY --from=build /opt/tenth /opt/tenth
ENV PATH=/opt/tenth/bin:$PATH PYTHONUNBUFFERED=1 TENTH_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["tenth", "run", "--host", "0.0.0.0", "--port", "8000"]
