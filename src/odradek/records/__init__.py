"""Record batches: the unit that producers send, the log stores and consumers fetch.

- `batch`: the door to what can be said of a batch by its 61-byte header (`header`, `produced`, `timestamps`, `stored`).
- `record`: the records inside, read and built, for the few paths that need them.
- `record_check`: whether they make sense, and whether their topic takes them, where it has them looked at.
- `control`: the records that Kafka itself writes into a partition (transaction markers).
- `compression`: the five codecs, bounded in what they may unpack.
- `recompress`: a batch under another codec, for topics whose `compression.type` is not `producer`.

The rule of the room is *bytes, not records*: nothing here decodes a record unless it is asked to.
"""
