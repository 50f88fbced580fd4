# Odradek in a container. No CI of this project can build images: it lints this file (hadolint), and tests/packaging reads it
# and runs its health check against a broker. Its steps were taken by hand in a bare Debian.
#
#   docker build -t odradek .
#   docker run -p 9092:9092 -v odradek:/var/lib/odradek odradek
#
# Clients on the host connect to localhost:9092. From elsewhere, say where they find it:
#   docker run ... odradek serve --listen 0.0.0.0:9092 --advertise broker.example:9092 --data-dir /var/lib/odradek
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/odradek && /opt/odradek/bin/pip install --no-cache-dir .

FROM python:3.13-slim
# Fixed numbers, so that the owner of the volume is the same whichever image wrote it. The directory is made here and not by
# useradd, which would put a shell's files into it.
RUN groupadd --gid 10092 odradek \
 && useradd --no-log-init --uid 10092 --gid 10092 --no-create-home --home-dir /var/lib/odradek --shell /usr/sbin/nologin odradek \
 && install --directory --owner=10092 --group=10092 --mode=0750 /var/lib/odradek
COPY --from=build /opt/odradek /opt/odradek
ENV PATH=/opt/odradek/bin:$PATH PYTHONUNBUFFERED=1
# By number: who runs it can see that this is not root without looking into the image.
USER 10092:10092
VOLUME /var/lib/odradek
EXPOSE 9092
# SIGTERM, which docker stop sends, stops it cleanly within five seconds.
STOPSIGNAL SIGTERM
# A Metadata request, answered: the broker works, not just its port. Exit codes 0 and 1 are all that Docker knows, so a shell
# it is. Who listens on another port than 9092 gives another check (docker run --health-cmd).
# hadolint ignore=DL3025
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD odradek topic list --bootstrap-server 127.0.0.1:9092 --request-timeout 3 --json > /dev/null || exit 1
ENTRYPOINT ["odradek"]
CMD ["serve", "--listen", "0.0.0.0:9092", "--data-dir", "/var/lib/odradek", "--log-format", "json"]
