"""The file `.kafka_cleanshutdown`: the last run of this data directory ended in order.

    {"version":0,"brokerEpoch":27}

Written and synced as the last act of a shutdown, after everything else is on disk; removed as the first act of a start, so
that a crash right after cannot be taken for an orderly end. Its presence alone counts: an empty or unreadable one (Kafka before
3.7 wrote it empty) still means a clean end, only the broker's epoch is then unknown.
"""

from __future__ import annotations

import json
from typing import Final

UNKNOWN_EPOCH: Final = -1


def encode(broker_epoch: int) -> bytes:
    """The file for a broker that ran under `broker_epoch`."""
    return f'{{"version":0,"brokerEpoch":{broker_epoch}}}'.encode()


def decode(data: bytes) -> int:
    """The broker epoch; -1 when the file does not tell."""
    try:
        content = json.loads(data)
    except ValueError:
        return UNKNOWN_EPOCH
    epoch = content.get("brokerEpoch") if isinstance(content, dict) else None
    return epoch if type(epoch) is int else UNKNOWN_EPOCH
