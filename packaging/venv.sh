#!/bin/sh
# packaging/venv.sh PYTHON DIRECTORY: a virtual environment with pip in it, or one line that says what is missing.
#
# Debian and its kin ship `python3` without the part that puts pip into a virtual environment. Root on such a machine (a
# container, CI) gets that package installed, and is told; anyone else is told its name.
set -eu
python=$1 directory=$2

refuse() { echo "odradek: $*" >&2; exit 1; }

command -v "$python" >/dev/null || refuse "no program '$python': install Python 3.11 or newer, or say which: make PYTHON=python3.12"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  refuse "'$python' is Python $version; Python 3.11 or newer is needed: make PYTHON=python3.12"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  package="python$version-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "odradek: installing $package: '$python' cannot make virtual environments without it"
    DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 || true
  fi
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    refuse "'$python' cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install $package)"
fi
exec "$python" -m venv "$directory"
