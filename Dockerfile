# Stage 1 builds the environment from the lock, stage 2 carries only what runs.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/sancho
COPY requirements.lock ./
RUN /opt/sancho/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY sancho ./sancho
COPY crm ./crm
COPY simulator ./simulator
COPY features ./features
COPY models ./models
COPY training ./training
COPY service ./service
RUN /opt/sancho/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
# LightGBM's wheel links to the system's OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 sancho \
    && install -d -o sancho -g sancho /var/lib/sancho
COPY --from=build /opt/sancho /opt/sancho
ENV PATH=/opt/sancho/bin:$PATH \
    SANCHO_HOME=/var/lib/sancho \
    NUMBA_CACHE_DIR=/var/lib/sancho/numba \
    PYTHONUNBUFFERED=1
USER sancho
WORKDIR /var/lib/sancho
VOLUME /var/lib/sancho
EXPOSE 8000
# Live, not ready: a service without a model yet must stay up to be trained. /readyz is for the load balancer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["sancho"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
