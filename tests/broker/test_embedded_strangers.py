"""What people do with an embedded broker that is not in its manual."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import odradek
from odradek.testing.topics import TopicAdmin


def make_topic(address: str, name: str) -> None:
    with TopicAdmin(address) as admin:
        admin.create(name)


def program(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "default", "-c", textwrap.dedent(text), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("ending", "code"), [("", 0), ("sys.exit(3)", 3), ("raise RuntimeError('boom')", 1)])
def test_a_program_that_ends_without_a_stop_ends_its_brokers_in_order(tmp_path: Path, ending: str, code: int) -> None:
    done = program(
        f"""
        import sys, odradek
        from odradek.testing.topics import TopicAdmin
        temporary, lasting = odradek.Broker().start(), odradek.Broker(data_dir=sys.argv[1]).start()
        for broker in (temporary, lasting):
            with TopicAdmin(broker.bootstrap_servers) as admin:
                admin.create("t", partitions=20)
        print(temporary.data_dir, flush=True)
        {ending}
        """,
        str(tmp_path),
    )
    assert done.returncode == code
    assert not os.path.exists(done.stdout.strip())
    assert (tmp_path / ".kafka_cleanshutdown").exists()
    assert [line for line in done.stderr.splitlines() if line and not line.startswith(" ")] == (
        ["Traceback (most recent call last):", "RuntimeError: boom"] if code == 1 else []
    )


def test_a_program_that_ends_with_its_loop_closed_removes_the_directory() -> None:
    done = program("""
        import asyncio, odradek
        broker = odradek.Broker()
        asyncio.run(broker.__aenter__())
        print(broker.data_dir)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert not os.path.exists(done.stdout.strip())


def test_a_broker_that_nobody_refers_to_serves_until_the_program_ends() -> None:
    done = program("""
        import gc, odradek
        from odradek.testing.topics import TopicAdmin
        address = odradek.Broker().start().bootstrap_servers
        gc.collect()
        with TopicAdmin(address) as admin:
            admin.create("t")
    """)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_closed_under_the_broker_gives_up_port_and_directory_at_stop(tmp_path: Path) -> None:
    broker = odradek.Broker(data_dir=str(tmp_path))
    asyncio.run(broker.__aenter__())
    port = broker.port
    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with odradek.Broker(data_dir=str(tmp_path)) as again:
        make_topic(again.bootstrap_servers, "t")


def test_a_loop_that_stands_still_is_run_for_the_stop(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    broker = odradek.Broker(data_dir=str(tmp_path))
    loop.run_until_complete(broker.__aenter__())
    broker.stop()
    loop.close()
    assert (tmp_path / ".kafka_cleanshutdown").exists()


def test_a_block_on_a_loop_may_be_stopped_by_a_thread_and_not_by_the_loop_itself(tmp_path: Path) -> None:
    async def story() -> None:
        async with odradek.Broker(data_dir=str(tmp_path)) as broker:
            with pytest.raises(odradek.OdradekError, match="runs on this event loop"):
                broker.stop()
            await asyncio.to_thread(broker.stop)
            assert (tmp_path / ".kafka_cleanshutdown").exists()
            with pytest.raises(odradek.OdradekError, match="not running"):
                _ = broker.port

    asyncio.run(story())


def test_one_loop_starts_it_and_another_leaves_the_block(tmp_path: Path) -> None:
    broker = odradek.Broker(data_dir=str(tmp_path))
    first = asyncio.new_event_loop()
    first.run_until_complete(broker.__aenter__())
    asyncio.run(broker.__aexit__(None, None, None))
    first.close()
    assert (tmp_path / ".kafka_cleanshutdown").exists()


def test_an_exception_in_the_block_is_the_caller_s_and_the_broker_is_gone() -> None:
    with pytest.raises(ZeroDivisionError), odradek.Broker() as broker:
        directory = broker.data_dir
        _ = 1 // 0
    assert not os.path.exists(directory)


def test_threads_may_use_it_together() -> None:
    with odradek.Broker() as broker:
        threads = [threading.Thread(target=make_topic, args=(broker.bootstrap_servers, f"t{number}")) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(Path(broker.data_dir).glob("t*-0"))) == 16


def test_brokers_one_after_another_leave_no_descriptors_threads_or_objects() -> None:
    def one() -> None:
        with odradek.Broker() as broker:
            make_topic(broker.bootstrap_servers, "t")

    def held() -> tuple[int, int, int]:
        gc.collect()
        nodes = sum(type(each).__name__ == "Node" and type(each).__module__.startswith("odradek") for each in gc.get_objects())
        return len(os.listdir("/proc/self/fd")), threading.active_count(), nodes

    one()
    before = held()
    for _ in range(20):
        one()
    assert held() == before


def test_configuration_errors_leave_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for broken in ({"num.partitions": 0}, {"no.such.name": 1}):
        with pytest.raises(odradek.OdradekError):
            odradek.Broker(config=broken).start()
    with pytest.raises(odradek.OdradekError):
        odradek.Broker(listen="nonsense").start()
    assert not list(tmp_path.glob("odradek-*"))
