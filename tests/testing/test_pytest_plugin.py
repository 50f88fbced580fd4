"""The plugin as other projects see it: pytest in a process of its own, over test files that know nothing but the fixtures."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

USES_IT = """
    import pytest
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient

    def test_round_trip(kafka_bootstrap_servers, kafka_topic):
        producer = Producer({"bootstrap.servers": kafka_bootstrap_servers})
        producer.produce(kafka_topic, b"hello")
        assert producer.flush(10) == 0
        consumer = Consumer({
            "bootstrap.servers": kafka_bootstrap_servers, "group.id": kafka_topic, "auto.offset.reset": "earliest",
        })
        consumer.subscribe([kafka_topic])
        assert consumer.poll(10).value() == b"hello"
        consumer.close()

    def partitions(bootstrap, topic):
        return len(AdminClient({"bootstrap.servers": bootstrap}).list_topics(topic, timeout=10).topics[topic].partitions)

    SEEN = []

    @pytest.mark.kafka_topic(partitions=5, config={"cleanup.policy": "compact"})
    def test_a_topic_as_wanted(kafka_broker, kafka_topic):
        assert partitions(kafka_broker.bootstrap_servers, kafka_topic) == 5
        SEEN.append((kafka_broker, kafka_topic))

    def test_the_broker_is_the_same_and_the_topic_another(kafka_broker, kafka_topic):
        broker, topic = SEEN[0]
        assert broker is kafka_broker
        assert topic != kafka_topic
        assert partitions(kafka_broker.bootstrap_servers, kafka_topic) == 3
        assert topic not in AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics
"""

OVERRIDES = """
    import pytest
    from confluent_kafka.admin import AdminClient

    @pytest.fixture(scope="session")
    def kafka_broker_config():
        return {"num.partitions": 7}

    def test_own_settings(kafka_bootstrap_servers, kafka_topic):
        found = AdminClient({"bootstrap.servers": kafka_bootstrap_servers}).list_topics(kafka_topic, timeout=10)
        assert len(found.topics[kafka_topic].partitions) == 7
"""


def test_fixtures_with_settings_from_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USES_IT)
    pytester.makeini("[pytest]\nodradek_config =\n    num.partitions = 3\n")
    result = pytester.runpytest_subprocess("--strict-markers", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=3)


def test_settings_from_an_overridden_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(OVERRIDES)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(passed=1)


def test_a_wrong_setting_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(kafka_broker): pass")
    pytester.makeini("[pytest]\nodradek_config = num.partitons = 3\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*num.partitons*num.partitions*"])


def test_a_marker_that_asks_for_what_there_is_not_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        from confluent_kafka.admin import AdminClient

        @pytest.mark.kafka_topic(partition=3)
        def test_misspelled(kafka_topic): pass

        @pytest.mark.kafka_topic(3)
        def test_by_position(kafka_bootstrap_servers, kafka_topic):
            admin = AdminClient({"bootstrap.servers": kafka_bootstrap_servers})
            assert len(admin.list_topics(kafka_topic, timeout=10).topics[kafka_topic].partitions) == 3
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*kafka_topic*unexpected keyword argument 'partition'*"])


def test_a_stranger_pays_nothing() -> None:
    program = "import sys, odradek.testing.pytest_plugin; print(*sorted(m for m in sys.modules if m.startswith('odradek')))"
    done = subprocess.run([sys.executable, "-c", f"import pytest; {program}"], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["odradek", "odradek.testing", "odradek.testing.pytest_plugin"]


def test_every_worker_of_xdist_has_a_broker_of_its_own_and_leaves_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import os, pytest, tempfile

        @pytest.mark.parametrize("number", range(4))
        def test_it(kafka_broker, kafka_topic, number, worker_id):
            assert os.path.exists(f"{kafka_broker.data_dir}/{kafka_topic}-0")
            assert kafka_broker.data_dir.startswith(tempfile.gettempdir())
            with open(worker_id, "a") as file:
                print(kafka_broker.data_dir, file=file)
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2").assert_outcomes(passed=4)
    directories = [set(file.read_text().split()) for file in pytester.path.glob("gw*")]
    assert all(len(each) == 1 for each in directories)
    assert len(set.union(*directories)) == len(directories)
    assert not any(os.path.exists(each) for each in set.union(*directories))
