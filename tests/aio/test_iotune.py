"""Four rates of a real disk, and a file that is gone afterwards."""

from __future__ import annotations

import asyncio

import pytest

from odradek.aio.direct_storage import DirectStorage
from odradek.aio.iotune import SIZE_MIN, IoTune, rates_of
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded


def tuned(story, **options):
    async def whole():
        names, data = ThreadStorage(), DirectStorage(SystemClock())
        try:
            await story(IoTune(names, data, SystemClock(), seeded(1), **({"size": SIZE_MIN, "seconds": 0.05} | options)))
            assert data.statistics().buffers.lent == 0
        finally:
            await data.close()
            await names.close()

    asyncio.run(whole())


def test_all_four_are_measured_and_nothing_is_left(tmp_path):
    async def story(tune):
        measured = [one async for one in tune.measure(str(tmp_path))]
        rates = rates_of(measured)
        assert min(rates.read_iops, rates.write_iops) > 1
        assert min(rates.read_bandwidth, rates.write_bandwidth) > 1 << 20

    tuned(story)
    assert not list(tmp_path.iterdir())


def test_who_stops_half_way_leaves_nothing_either(tmp_path):
    async def story(tune):
        task = asyncio.create_task(_all(tune, str(tmp_path)))
        await asyncio.sleep(0.2)  # wherever that is: before the file is there, or long after
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    tuned(story, seconds=30)
    assert not list(tmp_path.iterdir())


async def _all(tune, directory):
    return [one async for one in tune.measure(directory)]


@pytest.mark.parametrize("options", [{"size": 1}, {"size": SIZE_MIN + 1}, {"seconds": 0}])
def test_senseless_measurements_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match="a file of whole MiB, at least 16, and some time"):
        tuned(lambda _: None, **options)
