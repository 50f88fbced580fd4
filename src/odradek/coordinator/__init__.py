"""Consumer groups: who is a member, who consumes what, how far each group has come.

The problem: consumers come and go, and the partitions of their topics must be shared out anew each time, while offsets that one
of them committed must outlive it and us. Kafka's answer is a coordinator per group, whose state is a log: one partition of
`__consumer_offsets`, chosen by the hash of the group's name (`hashing.py`).

How this room is built, from the inside out:

- the classic group is a state machine without clock or I/O: `states`, `member` and `group` hold it, `join`,
  `rebalance`, `static_join`, `sync` and `membership` move it. A step takes an event and the time, and gives
  `actions`: answer this waiter, set that timer, append this record;
- committed offsets are a plain store (`offset_store`), with a decider for each thing one may ask of it;
- `offset_records` and `group_records` are the border to the log: Kafka's bytes, so that Kafka's tools read our topic
  and we open Kafka's;
- `shard` is one partition of the topic in memory, `writer` is its way to the disk (several requests share one
  append), `runtime` holds shards and carries out actions, `group_coordinator` is the door for the broker.

Offsets become visible when their record is committed, never earlier, so nothing needs to be undone. A group's membership lives
in memory first (it can be built again from its members); what has to be undone when an append fails is said in `sync` and
`static_join`. Behaviour follows Apache Kafka 4.x (KIP-62, 134, 345, 394, 559, 800, 814), down to error codes.
"""
