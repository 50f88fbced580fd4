"""Both fillings, step by step, against a bytearray. After each step all three must agree on bytes, sizes and errors."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from odradek.aio import WOULD_BLOCK, File, Storage
from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.thread_storage import ThreadStorage

positions = st.integers(0, 3000)
sizes = st.integers(0, 2000)
chunks = st.binary(max_size=400)


class FileMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.mkdtemp()
        self.storages: list[Storage] = [ThreadStorage(2), MemoryStorage(seed=1, turns_max=2, cold_chance=0.3)]
        self.loop.run_until_complete(self.make_durable_directory())
        self.files: list[File] = []
        self.model = bytearray()
        self.synced = True
        self.on_all(self.reopened)

    async def make_durable_directory(self) -> None:
        memory = self.storages[1]
        await memory.make_directory(self.directory)
        parent = self.directory
        while parent != "/":
            parent = os.path.dirname(parent)
            await memory.sync_directory(parent)

    async def reopened(self, index: int) -> None:
        if len(self.files) <= index:
            self.files.append(await self.storages[index].open(f"{self.directory}/f", create=True))
            await self.storages[index].sync_directory(self.directory)
        else:
            await self.files[index].close()
            self.files[index] = await self.storages[index].open(f"{self.directory}/f")

    def on_all(self, deed) -> None:
        for index in range(len(self.storages)):
            self.loop.run_until_complete(deed(index))

    def put(self, position: int, data: bytes) -> None:
        self.synced = False
        if data:
            self.model.extend(bytes(max(position - len(self.model), 0)))
            self.model[position : position + len(data)] = data

    @rule(parts=st.lists(chunks, min_size=1, max_size=4), gap=st.integers(-50, 50))
    def append(self, parts: list[bytes], gap: int) -> None:
        data = b"".join(parts)
        position = max(len(self.model) + gap, 0) if data else len(self.model)
        for file in self.files:
            file.write_now(parts if len(parts) > 1 else parts[0], position)
        self.put(position, data)

    @rule(position=positions, data=chunks.filter(bool))
    def write(self, position: int, data: bytes) -> None:
        self.on_all(lambda index: self.files[index].write(position, data))
        self.put(position, data)

    @rule(size=positions, now=st.booleans())
    def truncate(self, size: int, now: bool) -> None:
        if now:
            for file in self.files:
                file.truncate_now(size)
        else:
            self.on_all(lambda index: self.files[index].truncate(size))
        self.synced = False
        self.model = self.model[:size].ljust(size, b"\0")

    @rule(position=positions, size=sizes.filter(bool))
    def discard(self, position: int, size: int) -> None:
        self.on_all(lambda index: self.files[index].discard(position, size))
        self.synced = False
        end = min(position + size, len(self.model))
        if end > position:
            self.model[position:end] = bytes(end - position)

    @rule(position=positions, size=sizes.filter(bool))
    def allocate(self, position: int, size: int) -> None:
        self.on_all(lambda index: self.files[index].allocate(position, size))
        self.synced = False
        self.model.extend(bytes(max(position + size - len(self.model), 0)))

    @rule()
    def flush(self) -> None:
        self.on_all(lambda index: self.files[index].flush())
        self.synced = True

    @rule()
    def reopen(self) -> None:
        self.on_all(self.reopened)

    @rule(seed=st.integers(0, 1000))
    def cut_the_power(self, seed: int) -> None:
        if not self.synced:
            return  # what may be lost then is test_power_cut's matter
        after = self.storages[1].power_cut(seed)
        assert self.loop.run_until_complete(after.read_bytes(f"{self.directory}/f")) == self.model

    @rule(position=positions, size=sizes)
    def read(self, position: int, size: int) -> None:
        expected = self.model[position : position + size]
        for file in self.files:
            data = file.read_now(position, size)
            assert data is WOULD_BLOCK or data == expected
            assert self.loop.run_until_complete(file.read(position, size)) == expected
            buffer = bytearray(size)
            assert self.loop.run_until_complete(file.read_into(position, buffer)) == len(expected)
            assert buffer[: len(expected)] == expected

    @invariant()
    def sizes_agree(self) -> None:
        assert [file.size for file in self.files] == [len(self.model)] * len(self.files)

    def teardown(self) -> None:
        self.on_all(lambda index: self.storages[index].close())
        self.loop.close()
        shutil.rmtree(self.directory)


FileMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestFileMachine = FileMachine.TestCase
