"""A broker and the children that its process forks: they know its address, and nothing they do or keep touches it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import odradek
from odradek.testing.topics import TopicAdmin

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def make_topic(address: str, name: str) -> None:
    with TopicAdmin(address) as admin:
        admin.create(name)


def in_child(work: Callable[[], object]) -> int:
    """Fork, do `work`, end at once; the exit code. A child that hangs is ended by an alarm, -SIGALRM."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Sleeper:
    """A forked child that lives until the block ends."""

    def __enter__(self) -> None:
        self.read, self.write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.write)
            os.read(self.read, 1)  # the end of the parent's side
            os._exit(0)
        os.close(self.read)

    def __exit__(self, *_: object) -> None:
        os.close(self.write)
        os.waitpid(self.pid, 0)


def program(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Python 3.12 and later print this warning when a program's own file forks, and here standard error is to be empty.
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", textwrap.dedent(text), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_a_child_that_ends_in_order_leaves_the_data_of_its_parent() -> None:
    done = program("""
        import os, sys, odradek
        from odradek.testing.topics import TopicAdmin
        broker = odradek.Broker().start()
        pid = os.fork()
        if pid == 0:
            sys.exit(0)  # exit handlers, finalizers, garbage
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert os.path.exists(broker.data_dir)
        with TopicAdmin(broker.bootstrap_servers) as admin:
            admin.create("t")
        directory = broker.data_dir
        broker.stop()
        assert not os.path.exists(directory)
        print("whole")
    """)
    assert (done.stdout, done.stderr, done.returncode) == ("whole\n", "", 0)


def test_a_worker_of_multiprocessing_uses_the_broker_as_a_client() -> None:
    fork = multiprocessing.get_context("fork")
    with odradek.Broker() as broker:
        worker = fork.Process(target=lambda: make_topic(broker.bootstrap_servers, "from-a-worker"))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        assert Path(broker.data_dir, "from-a-worker-0").exists()


@pytest.mark.parametrize("end", [odradek.Broker.stop, lambda broker: broker.__exit__(None, None, None)])
def test_a_child_cannot_stop_the_broker_and_does_not_hang(end: Callable[[odradek.Broker], None]) -> None:
    with odradek.Broker() as broker:
        assert in_child(lambda: end(broker)) == 0
        make_topic(broker.bootstrap_servers, "t")
        assert Path(broker.data_dir, "t-0").exists()


def test_a_child_leaves_an_async_block_without_a_trace() -> None:
    import asyncio

    async def story() -> None:
        async with odradek.Broker() as broker:

            def leave() -> None:
                with pytest.raises(StopIteration):
                    broker.__aexit__(None, None, None).send(None)

            assert in_child(leave) == 0
            await asyncio.to_thread(make_topic, broker.bootstrap_servers, "t")

    asyncio.run(story())


def test_a_child_is_told_whose_a_broker_is_and_may_start_its_own() -> None:
    with odradek.Broker() as broker:

        def work() -> None:
            with pytest.raises(odradek.OdradekError, match=rf"belongs to process {os.getppid()}"):
                broker.start()
            with odradek.Broker() as own:
                make_topic(own.bootstrap_servers, "t")

        assert in_child(work) == 0


def test_a_child_that_opens_the_directory_is_told_who_has_it(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)):

        def work() -> None:
            with pytest.raises(odradek.OdradekError, match=rf"\b{os.getppid()}\b"):
                odradek.Broker(data_dir=str(tmp_path)).start()

        assert in_child(work) == 0


def test_a_living_child_keeps_neither_directory_nor_port_nor_connections(tmp_path: Path) -> None:
    broker = odradek.Broker(data_dir=str(tmp_path)).start()
    port = broker.port
    with TopicAdmin(broker.bootstrap_servers) as admin, Sleeper():
        admin.create("t")
        broker.stop()
        with pytest.raises(ConnectionError):
            admin.create("u")  # its connection has come to its end, though the child has seen it
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with odradek.Broker(data_dir=str(tmp_path), listen=f"127.0.0.1:{port}") as again:
            assert again.port == port


def test_what_a_child_opens_is_its_own_though_the_numbers_were_the_broker_s() -> None:
    with odradek.Broker() as broker:
        admin = TopicAdmin(broker.bootstrap_servers)
        admin.create("t")

        def work() -> None:
            pipes = [os.pipe() for _ in range(50)]
            broker._node = broker._thread = None
            gc.collect()  # closes what the broker's objects own in the child
            for read, write in pipes:
                os.write(write, b"x")
                assert os.read(read, 1) == b"x"

        assert in_child(work) == 0
        admin.create("u")
