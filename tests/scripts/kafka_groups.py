"""Some 230 requests about groups, and who can be asked them: Apache Kafka over a socket, or our handlers in this process.

The requests are code, since later ones need ids from earlier answers. An answer is made comparable (`comparable`):
ids that brokers invent are numbered in order of appearance, lists whose order means nothing are sorted, the throttle
time is dropped.

Run as a program, it asks a Kafka and writes what it said: `python tests/scripts/kafka_groups.py 127.0.0.1:9092`. That
Kafka must have `group.initial.rebalance.delay.ms=0`, and four partitions for new topics.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import re
import struct
import sys
import uuid
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

from group_requests import (
    BOTH,
    beat,
    commit,
    delete,
    delete_offsets,
    describe,
    fetch,
    fetch_group,
    join,
    leave,
    listing,
    sync,
)

from odradek.base.clock import SystemClock
from odradek.base.prng import seeded
from odradek.coordinator.config import CoordinatorConfig
from odradek.coordinator.group_coordinator import GroupCoordinator
from odradek.metadata.image import Image, PartitionImage, TopicChange, TopicImage
from odradek.wire.message import Message
from odradek.wire.messages import (
    delete_groups,
    describe_groups,
    heartbeat,
    join_group,
    leave_group,
    list_groups,
    offset_commit,
    offset_delete,
    offset_fetch,
    sync_group,
)

ANSWERS = Path(__file__).with_suffix(".jsonl")
UNKNOWN_ID = b"\x09" * 16
INVENTED_ID = re.compile(r"[a-z]*-?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# Whom to ask


class OverSocket:
    """A broker at an address; each request on a connection of its own, so that a waiting one holds back no other."""

    patience_s = 0.2  # until a request that waits has surely arrived

    def __init__(self, address):
        self.host, _, port = address.partition(":")
        self.port = int(port)

    async def ask(self, messages, version, request):
        out = bytearray(struct.pack(">hhih6s", messages.API_KEY, version, 7, 6, b"tester"))
        out += b"\0" if version >= messages.FLEXIBLE_SINCE else b""
        messages.ENCODE_REQUEST[version](request, out)
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(struct.pack(">i", len(out)) + out)
        size = struct.unpack(">i", await reader.readexactly(4))[0]
        frame = await reader.readexactly(size)
        writer.close()
        return messages.DECODE_RESPONSE[version](frame, 4 + (version >= messages.FLEXIBLE_SINCE))[0]


class OurHandlers:
    """Our handlers and coordinator, through the codecs, without a socket."""

    patience_s = 0

    def __init__(self, topic, topic_id):
        self.image = Image("cluster", 1)
        partitions = tuple(PartitionImage((1,), (1,), 1) for _ in range(4))
        self.image.apply(TopicChange(None, TopicImage(topic, topic_id, partitions)))
        config = CoordinatorConfig(offsets_topic_num_partitions=1, group_initial_rebalance_delay_ms=0)
        self.groups = GroupCoordinator(_NoLog(), SystemClock(), seeded(1), config)

    async def ask(self, messages, version, request):
        raw, name = bytearray(), messages.__name__.rpartition(".")[2]
        messages.ENCODE_REQUEST[version](request, raw)
        decoded, _ = messages.DECODE_REQUEST[version](bytes(raw), 0)
        context = SimpleNamespace(broker=self, version=version, client_id="tester", client_host="127.0.0.1")
        answer = import_module(f"odradek.broker.handlers.{name}").handle(decoded, context)
        answer = await answer if inspect.isawaitable(answer) else answer
        raw = bytearray()
        messages.ENCODE_RESPONSE[version](answer, raw)
        return messages.DECODE_RESPONSE[version](bytes(raw), 0)[0]


class _NoLog:
    async def append(self, partition, records):
        pass

    async def load(self, partition):
        for record in ():
            yield record


# What to ask


class Conversation:
    """Asks, and keeps what was said under the label of each request."""

    def __init__(self, broker, topic, topic_id):
        self._broker, self.topic, self.topic_id = broker, topic, topic_id
        self.said = []

    async def ask(self, label, messages, version, request):
        answer = await self._broker.ask(messages, version, request)
        self.said.append((label, messages, version, answer))
        return answer

    async def begin(self, label, messages, version, request):
        """Ask what will be answered later; `await` the outcome for the answer."""
        asking = asyncio.create_task(self._broker.ask(messages, version, request))
        await asyncio.sleep(self._broker.patience_s)

        async def outcome():
            answer = await asyncio.wait_for(asking, 30)
            self.said.append((label, messages, version, answer))
            return answer

        return outcome()


async def hold(talk, prefix):
    """The whole conversation. Group names begin with `prefix`."""
    for version in range(10):
        await one_member(talk, f"{prefix}v{version}", version)
    await refusals(talk, prefix)
    await two_members(talk, f"{prefix}g")
    await static_members(talk, f"{prefix}s")
    await simple_group(talk, f"{prefix}k")
    await other_protocols(talk, f"{prefix}c")


async def one_member(talk, group, version):
    """The life of a member in JoinGroup `version`, and others to match."""
    ask, v = talk.ask, f"v{version}"
    first = await ask(f"{v} joins", join_group, version, join(group))
    if version >= 4:
        first = await ask(f"{v} joins with its id", join_group, version, join(group, first.member_id))
    member = first.member_id
    mine = [(member, b"x")]
    await ask(f"{v} syncs", sync_group, min(version, 5), sync(group, member, 1, mine))
    await ask(f"{v} beats", heartbeat, min(version, 4), beat(group, member, 1))
    described = describe(group, operations=version >= 3)
    await ask(f"{v} is described", describe_groups, min(version, 6), described)
    committed = commit(group, [(0, 5, -1, "md")], talk.topic, 1, member)
    await ask(f"{v} commits", offset_commit, max(2, version), committed) if version < 10 else None
    leaving = leave(group, (member, None)) if version >= 3 else leave(group, single=member)
    await ask(f"{v} leaves", leave_group, min(version, 5), leaving)
    await ask(f"{v} leaves again", leave_group, min(version, 5), leaving)
    await ask(f"{v} is described when empty", describe_groups, min(version, 6), described)
    await ask(f"{v} rejoins when empty", join_group, version, join(group, member))


async def refusals(talk, prefix):
    """What is refused without looking at a member."""
    ask, nope = talk.ask, f"{prefix}nope"
    for label, request in {
        "join without group": join(""),
        "join with a short session": join(nope, session=10),
        "join with a long session": join(nope, session=99_999_999),
        "join as somebody in no group": join(nope, "nobody"),
        "join without protocols": join(f"{prefix}r", protocols=()),
        "join without a type": join(f"{prefix}r", kind=""),
    }.items():
        await ask(label, join_group, 9, request)
    await ask("join without protocols, v3", join_group, 3, join(f"{prefix}r", protocols=()))
    await ask("sync in no group", sync_group, 3, sync(nope, "x", 1))
    await ask("sync without protocol, v5", sync_group, 5, sync(nope, "x", 1, kind=None, protocol=None))
    await ask("sync without group", sync_group, 3, sync("", "x", 1))
    await ask("beat in no group", heartbeat, 4, beat(nope, "x", 1))
    await ask("beat without group", heartbeat, 4, beat("", "x", 1))
    await ask("leave no group", leave_group, 5, leave(nope, ("x", None), ("", "instance")))
    await ask("leave no group, v1", leave_group, 1, leave(nope, single="x"))
    await ask("leave without group", leave_group, 5, leave("", ("x", None)))
    await ask("nobody leaves", leave_group, 5, leave(f"{prefix}r"))
    for version in (0, 4, 5, 6):
        await ask(f"describe no group, v{version}", describe_groups, version, describe(nope, operations=version >= 3))
    await ask("describe nothing", describe_groups, 6, describe())
    await ask("delete no group", delete_groups, 2, delete(nope))
    await ask("commit in no group, v9", offset_commit, 9, commit(nope, [(0, 1, -1, "")], talk.topic, 2, "nobody"))
    await ask("commit in no group, v8", offset_commit, 8, commit(nope, [(0, 1, -1, "")], talk.topic, 2, "nobody"))


async def two_members(talk, group):
    """From one member to two, with everything that can be said at the wrong time."""
    ask, topic = talk.ask, talk.topic
    a = (await ask("a joins", join_group, 9, join(group, protocols=BOTH))).member_id
    await ask("a joins with its id", join_group, 9, join(group, a, protocols=BOTH))
    await ask("a joins again while it should sync", join_group, 9, join(group, a, protocols=BOTH))
    await ask("sync in a wrong generation", sync_group, 5, sync(group, a, 9))
    await ask("sync with a wrong protocol", sync_group, 5, sync(group, a, 1, protocol="sticky"))
    await ask("sync with a wrong type", sync_group, 5, sync(group, a, 1, kind="connect"))
    await ask("sync as nobody", sync_group, 5, sync(group, "nobody", 1))
    await ask("commit while one should sync", offset_commit, 9, commit(group, [(0, 1, -1, "")], topic, 1, a))
    await ask("describe while one should sync", describe_groups, 6, describe(group))
    await ask("list while one should sync", list_groups, 5, listing(["completingrebalance"], ["Classic"]))
    await ask("a syncs", sync_group, 5, sync(group, a, 1, [(a, b"all"), ("ghost", b"boo")]))
    await ask("a syncs again", sync_group, 5, sync(group, a, 1))
    await ask("beat in a wrong generation", heartbeat, 4, beat(group, a, 2))
    await ask("beat as nobody", heartbeat, 4, beat(group, "nobody", 1))
    await ask("beat as an unknown instance", heartbeat, 4, beat(group, a, 1, "instance"))
    b = (await ask("b joins", join_group, 9, join(group, protocols=BOTH))).member_id
    await ask("join with a foreign protocol", join_group, 9, join(group, protocols=(("other", b""),)))
    await ask("join with a foreign type", join_group, 9, join(group, kind="connect"))
    b_joins = await talk.begin("b joins with its id", join_group, 9, join(group, b, protocols=BOTH))
    await ask("beat while others join", heartbeat, 4, beat(group, a, 1))
    await ask("sync while others join", sync_group, 5, sync(group, a, 1))
    await ask("commit while others join", offset_commit, 9, commit(group, [(0, 2, 3, "prep")], topic, 1, a))
    await ask("describe while others join", describe_groups, 6, describe(group))
    await ask("a rejoins", join_group, 9, join(group, a, protocols=BOTH))
    await b_joins
    b_syncs = await talk.begin("b syncs and waits", sync_group, 5, sync(group, b, 2))
    await ask("a syncs with an assignment", sync_group, 5, sync(group, a, 2, [(a, b"A"), (b, b"B")]))
    await b_syncs
    await ask("b rejoins with nothing new", join_group, 9, join(group, b, protocols=BOTH))
    await commits(talk, group, a)
    await fetches(talk, group)
    await deletions(talk, group)
    await ask("describe when stable", describe_groups, 6, describe(group, operations=True))
    gone = leave(group, (b, None), ("nobody", None), ("", "instance"), ("", None))
    await ask("some leave", leave_group, 5, gone)


async def commits(talk, group, a):
    """By the member `a` of generation 2, and by those who are none."""
    ask, topic, one = talk.ask, talk.topic, [(0, 1, -1, "")]
    for label, request in {
        "commit as a simple consumer": commit(group, one, topic),
        "commit without generation": commit(group, one, topic, -1, a),
        "commit in a wrong generation": commit(group, one, topic, 1, a),
        "commit as nobody": commit(group, one, topic, 2, "nobody"),
        "commit for no topic": commit(group, one, "nosuch", 2, a),
        "commit for no partition": commit(group, [(99, 1, -1, ""), (1, 8, 2, "ok"), (-1, 1, -1, "")], topic, 2, a),
        "commit much metadata": commit(group, [(0, 11, -1, "x" * 4096), (1, 11, -1, "x" * 4097)], topic, 2, a),
        "commit null metadata": commit(group, [(2, 12, -1, None)], topic, 2, a),
        "commit a negative offset": commit(group, [(2, -5, -1, "negative")], topic, 2, a),
    }.items():
        await ask(label, offset_commit, 9, request)
    by_id = commit(group, [(3, 13, 4, "ten"), (77, 1, -1, "")], "", 2, a, topic_id=talk.topic_id)
    await ask("commit by topic id", offset_commit, 10, by_id)
    by_wrong_id = commit(group, [(3, 13, 4, "ten")], "", 2, a, topic_id=UNKNOWN_ID)
    await ask("commit by an unknown id", offset_commit, 10, by_wrong_id)


async def fetches(talk, group):
    ask, topic, indexes = talk.ask, talk.topic, [0, 1, 2, 3, 9]
    for version in range(1, 8):
        some = fetch(group, (topic, indexes), ("nosuch", [0]), stable=version >= 7)
        await ask(f"fetch v{version}", offset_fetch, version, some)
        await ask(f"fetch of no group v{version}", offset_fetch, version, fetch(f"{group}nope", (topic, [0])))
        if version >= 2:
            await ask(f"fetch all v{version}", offset_fetch, version, fetch(group, everything=True))
    for version in (8, 9, 10):
        name = topic if version < 10 else ""
        groups = [
            fetch_group(group, (name, talk.topic_id, indexes)),
            fetch_group(group, everything=True),
            fetch_group(f"{group}nope", everything=True),
            fetch_group(group, ("nosuch", UNKNOWN_ID, [1, 2])),
        ]
        request = offset_fetch.OffsetFetchRequest(groups=groups, require_stable=True)
        await ask(f"fetch v{version}", offset_fetch, version, request)


async def deletions(talk, group):
    ask, topic = talk.ask, talk.topic
    await ask("delete offsets, one of no partition", offset_delete, 0, delete_offsets(group, topic, 0, 99))
    await ask("delete offsets of no topic", offset_delete, 0, delete_offsets(group, "nosuch", 0))
    await ask("delete offsets of no group", offset_delete, 0, delete_offsets(f"{group}nope", topic, 0))
    await ask("delete offsets without group", offset_delete, 0, delete_offsets("", topic, 0))
    await ask("fetch what is left", offset_fetch, 7, fetch(group, (topic, [0, 1])))
    await ask("delete a busy group, asked twice", delete_groups, 2, delete(group, group))


async def static_members(talk, group):
    ask = talk.ask
    one = (await ask("static member joins", join_group, 9, join(group, instance="one"))).member_id
    await ask("static member syncs", sync_group, 5, sync(group, one, 1, [(one, b"S")], instance="one"))
    two = (await ask("it restarts", join_group, 9, join(group, instance="one"))).member_id
    await ask("it syncs again", sync_group, 5, sync(group, two, 1, instance="one"))
    await ask("the old one beats", heartbeat, 4, beat(group, one, 1, "one"))
    await ask("the old one beats without instance", heartbeat, 4, beat(group, one, 1))
    await ask("the old one joins", join_group, 9, join(group, one, instance="one"))
    await ask("the old one syncs", sync_group, 5, sync(group, one, 1, instance="one"))
    await ask("the old one leaves", leave_group, 5, leave(group, (one, "one")))
    committed = [(0, 1, -1, "")]
    await ask("the old one commits", offset_commit, 9, commit(group, committed, talk.topic, 1, one, "one"))
    await ask("the new one commits", offset_commit, 9, commit(group, committed, talk.topic, 1, two, "one"))
    await ask("it restarts, v8", join_group, 8, join(group, instance="one"))
    await ask("it restarts, v5", join_group, 5, join(group, instance="one"))
    await ask("describe a static member", describe_groups, 6, describe(group))
    second = await talk.begin("a second one joins", join_group, 9, join(group, instance="two"))
    await ask("describe a static member that should rejoin", describe_groups, 6, describe(group))
    again = await talk.begin("the second one restarts", join_group, 9, join(group, instance="two"))
    await second
    await ask("the first one is removed", leave_group, 5, leave(group, ("", "one")))
    await again
    await ask("the second one is removed", leave_group, 5, leave(group, ("", "two")))
    await ask("describe the empty group", describe_groups, 6, describe(group))
    await ask("delete the empty group", delete_groups, 2, delete(group))
    await ask("fetch of the deleted group", offset_fetch, 7, fetch(group, everything=True))


async def simple_group(talk, group):
    ask, topic = talk.ask, talk.topic
    with_retention = commit(group, [(0, 5, -1, "r")], topic, retention_ms=5000)
    await ask("simple commit with a retention", offset_commit, 2, with_retention)
    await ask("simple commit", offset_commit, 9, commit(group, [(1, 5, -1, "r")], topic))
    await ask("describe a simple group", describe_groups, 6, describe(group))
    for version in range(6):
        request = listing(["empty"] if version >= 4 else [], ["classic"] if version >= 5 else [])
        await ask(f"list v{version}", list_groups, version, request)
    await ask("list no state", list_groups, 5, listing(["nonsense"]))
    await ask("list no type", list_groups, 5, listing([], ["nonsense"]))
    await ask("delete a simple group's offsets", offset_delete, 0, delete_offsets(group, topic, 0, 2))
    await ask("join a simple group as somebody", join_group, 9, join(group, "m"))
    await ask("delete a simple group", delete_groups, 0, delete(group))


async def other_protocols(talk, group):
    ask = talk.ask
    member = (await ask("a worker joins", join_group, 3, join(group, kind="connect", protocols=(("default", b"c"),)))).member_id
    await ask("a worker syncs", sync_group, 5, sync(group, member, 1, [(member, b"z")], "connect", "default"))
    await ask("delete offsets of workers", offset_delete, 0, delete_offsets(group, talk.topic, 0))
    await ask("describe workers", describe_groups, 6, describe(group))


# What was said, comparable


def comparable(said, prefix, topic, topic_id):
    """(label, answer as plain data) of each; names and ids of this run replaced by fixed ones."""
    invented = {}
    for label, messages, _, answer in said:
        plain = _plain(answer)
        plain.pop("throttle_time_ms", None)
        if messages is list_groups:
            plain["groups"] = [group for group in plain["groups"] if group["group_id"].startswith(prefix)]
        text = json.dumps(plain).replace(prefix, "g-").replace(topic, "TOPIC").replace(topic_id.hex(), "TOPIC-ID")
        text = re.sub("x{99,}", lambda run: f"{len(run.group(0))} times x", text)
        text = INVENTED_ID.sub(lambda found: invented.setdefault(found.group(0), f"ID{len(invented) + 1}"), text)
        yield label, _sorted(json.loads(text))


def _plain(value):
    if isinstance(value, Message):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else value


def _sorted(value):
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=json.dumps)
    return value


def record(address):
    """Ask the Kafka at `address` and write down its answers."""
    from confluent_kafka import TopicCollection
    from confluent_kafka.admin import AdminClient, NewTopic

    topic, prefix = f"topic-{uuid.uuid4().hex[:8]}", f"r{uuid.uuid4().hex[:8]}-"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result()
    described = admin.describe_topics(TopicCollection([topic]))[topic].result()
    topic_id = base64.urlsafe_b64decode(f"{described.topic_id}==")
    talk = Conversation(OverSocket(address), topic, topic_id)
    asyncio.run(hold(talk, prefix))
    lines = [json.dumps(pair) for pair in comparable(talk.said, prefix, topic, topic_id)]
    ANSWERS.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} answers")


if __name__ == "__main__":
    record(sys.argv[1])
