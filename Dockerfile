# Stage 1 builds the environment from the locks and compiles the kernels; stage 2 carries only what runs.
# Any image with Python 3.11 (venv and pip too) on Debian will do; to pin it, name it by its digest:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:... .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# LightGBM's wheel links to the system's OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/sancho
WORKDIR /src
# Wheels of the locks alone: nothing is built from source, so that no build tool is fetched that no lock names.
COPY requirements.lock requirements-build.lock ./
RUN python -m pip --python /opt/sancho/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
    -r requirements-build.lock -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY sancho ./sancho
COPY crm ./crm
COPY pictures ./pictures
COPY simulator ./simulator
COPY features ./features
COPY models ./models
COPY training ./training
COPY service ./service
RUN python -m pip --python /opt/sancho/bin/python install --no-cache-dir --no-deps --no-build-isolation .
# What never runs here: the libraries' tests, headers and sources; Arrow Flight; and matplotlib, which MLflow asks
# for and only draws with where a model is evaluated by its own functions.
RUN python -m pip --python /opt/sancho/bin/python uninstall --yes \
        setuptools matplotlib contourpy cycler fonttools kiwisolver pillow pyparsing \
    && find /opt/sancho/lib -depth -type d -name tests -exec rm -r {} + \
    && find /opt/sancho/lib -type d -name include -path '*/pyarrow/*' -prune -exec rm -r {} + \
    && find /opt/sancho/lib -path '*/pyarrow/*' \( -name '*arrow*_flight*' -o -name '_flight*' \) -delete \
    && find /opt/sancho/lib -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.a' -o -name '*.h' \
        -o -name '*.c' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.js.map' \) -delete
# Kernels for any processor of this kind, not for the one that happens to build.
COPY tools/compile_kernels.py /tmp/
RUN NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/sancho/kernels \
    /opt/sancho/bin/python /tmp/compile_kernels.py /tmp/compiling && rm -rf /tmp/compiling

FROM ${PYTHON_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 sancho \
    && install -d -o sancho -g sancho /var/lib/sancho
COPY --from=build /opt/sancho /opt/sancho
# The home is all that is written to (and /tmp): the rest may be read-only. Kernels are looked for in the image
# first; one that it lacks is compiled once and kept in the home.
ENV PATH=/opt/sancho/bin:$PATH \
    SANCHO_HOME=/var/lib/sancho \
    SANCHO_KERNELS=/opt/sancho/kernels \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/var/lib/sancho/numba \
    PYTHONDONTWRITEBYTECODE=1 \
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
