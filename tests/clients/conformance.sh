#!/usr/bin/env bash
# make conformance: the suites that need Java, kcat or a C compiler, or that run for minutes.
#
# What is missing is installed where this machine lets us (Debian's packages, as root); what is still missing then is a
# failure, never a skip. Jars come from Maven Central, librdkafka's tests from npm, both by name and pinned version.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A PACKAGE=(
  [java]=default-jdk-headless [javac]=default-jdk-headless [mvn]=maven [kcat]=kcat
  [gcc]=gcc [g++]=g++ [make]=make [npm]=npm [pkg-config]=pkg-config
  [systemd-analyze]=systemd [git]=git
)
HEADERS=(libssl-dev zlib1g-dev libzstd-dev rapidjson-dev)

missing() {
  for program in "${!PACKAGE[@]}"; do
    command -v "$program" >/dev/null || echo "${PACKAGE[$program]}"
  done
  command -v dpkg-query >/dev/null || return 0
  for package in "${HEADERS[@]}"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

wanted=$(missing | sort -u)
if [ -n "$wanted" ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "conformance: installing" $wanted
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null || true
  # One by one: where a name is unknown to this release, the others still come. What apt says is shown if it fails.
  said=$(mktemp)
  for package in $wanted; do
    apt-get install -q -y --no-install-recommends "$package" >"$said" 2>&1 || { tail -n 5 "$said"; echo "conformance: no package $package"; }
  done
  rm -f "$said"
fi
wanted=$(missing | sort -u)
if [ -n "$wanted" ]; then
  echo "conformance: missing, and not to be installed by this user:" $wanted >&2
  exit 1
fi

PYTHON=${PYTHON:-.venv/bin/python}
"$PYTHON" tests/conformance/prepare.py
exec "$PYTHON" -m pytest -m conformance -n "${WORKERS:-4}" --dist worksteal --durations=15 -rfE tests "$@"
