"""Brokers for the conformance suites: `odradek serve` as a process of its own, as a user runs it.

Where ODRADEK_TEST_BOOTSTRAP is set, the suites run against what listens there instead (to prove them on Apache Kafka);
ODRADEK_TEST_BOOTSTRAP_NOAUTOCREATE is then the one that makes no topic by use.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from brokers import serve
from reference.settings import LIBRDKAFKA_CONFIG, SUITE_CONFIG

GIVEN = "ODRADEK_TEST_BOOTSTRAP"


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """HOST:PORT of the broker under test."""
    if given := os.environ.get(GIVEN):
        yield given
    else:
        with serve(SUITE_CONFIG) as address:
            yield address


@pytest.fixture(scope="session")
def librdkafka_brokers() -> Iterator[dict[str, str]]:
    """The addresses of brokers as librdkafka's tests assume them, by scenario."""
    if given := os.environ.get(GIVEN):
        yield {"default": given, "noautocreate": os.environ.get(f"{GIVEN}_NOAUTOCREATE", given)}
        return
    fixed = {**LIBRDKAFKA_CONFIG, "auto.create.topics.enable": "false"}
    with serve(LIBRDKAFKA_CONFIG) as default, serve(fixed) as noautocreate:
        yield {"default": default, "noautocreate": noautocreate}


@pytest.fixture
def unique() -> str:
    """A name that no other test has used."""
    return f"t-{uuid.uuid4().hex[:12]}"
