# One file, two images: `services` runs every service and the command line, `dashboard` the web page.
# Both carry nothing but the interpreter, the locked requirements and the compiled code.

FROM python:3.13-slim AS requirements
WORKDIR /source
# Neither these tools nor their stage are in the images, so whatever version Debian has will do.
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils > /dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY deploy/docker/slim.sh /usr/local/bin/slim.sh
COPY requirements/build.txt requirements/postgres.txt requirements/
RUN python3 -m venv --without-pip /opt/carbon-aware \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /opt/build/bin/pip --python /opt/carbon-aware/bin/python \
      install --no-cache-dir --require-hashes -r requirements/postgres.txt \
 && slim.sh /opt/carbon-aware

FROM requirements AS requirements-dashboard
COPY requirements/dashboard.txt requirements/
RUN /opt/build/bin/pip --python /opt/carbon-aware/bin/python \
      install --no-cache-dir --require-hashes -r requirements/dashboard.txt \
 && slim.sh /opt/carbon-aware

FROM requirements AS wheel
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
COPY dashboard dashboard
RUN /opt/build/bin/python -m hatchling build -t wheel -d /wheel

FROM requirements AS build-services
COPY --from=wheel /wheel /wheel
RUN /opt/build/bin/pip --python /opt/carbon-aware/bin/python \
      install --no-cache-dir --no-deps /wheel/*.whl

FROM requirements-dashboard AS build-dashboard
COPY --from=wheel /wheel /wheel
RUN /opt/build/bin/pip --python /opt/carbon-aware/bin/python \
      install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.13-slim AS base
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="carbon-aware-jobs" \
      org.opencontainers.image.description="Runs jobs when and where electricity is clean" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# Handlers of one's own are copied to /handlers or mounted at /mnt/handlers; until HANDLERS names
# them, those of the demo run. PYTHONSAFEPATH: nothing is imported from wherever a
# program happens to be started.
ENV PATH=/opt/carbon-aware/bin:$PATH \
    PYTHONPATH=/handlers:/mnt/handlers \
    PYTHONSAFEPATH=1 \
    HANDLERS=services.demo.handlers \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY deploy/docker/ready.py /usr/local/lib/carbon-aware/ready.py
# The folders of the secrets belong to the user who writes them; volumes take that over.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin carbon-aware \
 && mkdir -p /handlers /mnt/handlers /run/credentials /secrets \
 && for owner in publisher scheduler worker ledger dashboard setup client operator emulator \
      rabbitmq postgres; do mkdir "/secrets/$owner"; done \
 && chown -R carbon-aware:carbon-aware /secrets /run/credentials
WORKDIR /tmp
USER 10001:10001

FROM base AS dashboard
COPY --from=build-dashboard /opt/carbon-aware /opt/carbon-aware
EXPOSE 8501
ENV HOME=/tmp
CMD ["streamlit", "run", "/opt/carbon-aware/lib/python3.13/site-packages/dashboard/server.py", \
     "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true", \
     "--server.fileWatcherType=none"]

FROM base AS services
COPY --from=build-services /opt/carbon-aware /opt/carbon-aware
CMD ["carbon-aware", "--help"]
