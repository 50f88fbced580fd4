"""One partition on disk: segments, indexes, checkpoints and producer state in Apache Kafka's own formats, byte for byte.

A `Log` is a partition; a `LogManager` holds the logs of a data directory, recovers them after a crash and keeps house
(retention, checkpoints, delayed deletion). Everything stands on `aio.Storage`, so that the same code runs on a disk
and on the simulated one that loses power in tests.

Where things are decided (pure, no I/O): `roll`, `retention`, `recovery_scan`, `producer_state`, and the format
modules, each of which owns one kind of file. Where they are done: `segment`, `log`, `flusher`, `loader`, `manager`.
`inspect` reads, judges and repairs the files of a stopped broker, ours or Apache Kafka's.
"""
