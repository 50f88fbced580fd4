# Odradek in a container. No CI of this project can build images: this file is reviewed, not tested.
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
# A fixed number, so that the owner of the volume is the same whichever image wrote it.
RUN useradd --system --uid 10092 --home-dir /var/lib/odradek --create-home odradek
COPY --from=build /opt/odradek /opt/odradek
ENV PATH=/opt/odradek/bin:$PATH PYTHONUNBUFFERED=1
USER odradek
VOLUME /var/lib/odradek
EXPOSE 9092
# SIGTERM, which docker stop sends, stops it cleanly within five seconds.
STOPSIGNAL SIGTERM
# A Metadata request, answered: the broker works, not just its port. Exit codes 0 and 1 are all that Docker knows.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD odradek topic list --bootstrap-server 127.0.0.1:9092 --request-timeout 3 --json > /dev/null || exit 1
ENTRYPOINT ["odradek"]
CMD ["serve", "--listen", "0.0.0.0:9092", "--data-dir", "/var/lib/odradek", "--log-format", "json"]
