"""librdkafka's own tests, each against the broker under test; `tests/clients/librdkafka.toml` says what must pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdkafka_suite
from rdkafka_suite import Case

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="session")
def runner() -> Path:
    """The directory of the built test runner."""
    return rdkafka_suite.built()


def test_the_list_names_every_test_once(runner: Path) -> None:
    listed = rdkafka_suite.expectations()
    named = [name for tests in listed["pass"].values() for name in tests]
    named += [name for names in listed["excluded"].values() for name in names]
    assert len(named) == len(set(named))
    whole = {name.partition("/")[0] for name in named}
    assert whole == set(rdkafka_suite.declared(runner))


@pytest.mark.parametrize("case", rdkafka_suite.cases(), ids=lambda case: case.name)
def test_librdkafka(case: Case, runner: Path, librdkafka_brokers: dict[str, str], tmp_path: Path, record_property) -> None:
    told, output = {}, ""
    for _ in range(case.attempts):
        outcomes, output = rdkafka_suite.run(runner, case, librdkafka_brokers[case.broker], tmp_path)
        told = {name: outcomes.get(name, "no outcome") for name in case.tests}
        if set(told.values()) == {"PASSED"}:
            break
    record_property("outcomes", told)
    if set(told.values()) != {"PASSED"}:
        pytest.fail(f"{told}\n{output[-6000:]}", pytrace=False)
