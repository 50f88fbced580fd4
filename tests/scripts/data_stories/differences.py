"""Where Odradek answers otherwise than Apache Kafka 4.3.1: the requests (label patterns by story), each with its reason.

A difference that is not named here fails the test; so does a name that no difference bears any longer. OWN is meant to
stay, OPEN is to be mended.
"""

from __future__ import annotations

_UNSORTED = "OPEN: seen, and not yet judged one by one"
_STAMPS = "OPEN: Kafka looks at every record's timestamp, and names the records (record_errors); here the header is judged"
_MAP = "OWN: a request that names something twice, or nothing of it, is answered as it was asked; Kafka answers from a map"
_NO_BUG = "OWN: Kafka answers UNKNOWN_SERVER_ERROR, for want of a check"
_NAMES_IT = "OWN: the words name the topic; Kafka has none here, and clients then show the error code's general ones"
_FOLLOWS = "OWN: offsets count on from an earlier difference"
_ISOLATION = "OWN: INVALID_REQUEST where Kafka answers UNKNOWN_SERVER_ERROR for want of a check, in the same shape"
_IN_ORDER = "OWN: topics are answered in the order asked, as often as they are named; Kafka puts its refusals behind the rest"
_TWICE_READ = "OWN: each place that names a partition is answered; Kafka's map keeps the last one. No client names one twice"
_LESS_THAN_NOTHING = "OWN: a negative size is read as 0; Kafka fails on it (UNKNOWN_SERVER_ERROR) for want of a check"

KNOWN: dict[str, dict[str, str]] = {
    "produces": {
        "a* without partitions*": _MAP,
        "one * twice": _MAP,
        "good and bad together*": _FOLLOWS,
        "acks all within*": _FOLLOWS,
        "too few in sync*": "OPEN: Kafka 4 needs no more in-sync replicas than a partition has replicas",
        "what is there in the end": _FOLLOWS,
    },
    "listed_offsets": {
        "isolation 2*": _ISOLATION,
        "after deleting all, time -3": "OWN: the record was deleted, though its segment is still there",
    },
    "batches_refused": dict.fromkeys(
        (
            "a byte behind",
            "many bytes behind",
            "length one too small",
            "length immense",
            "batch just not too large",
            "base offset 5",
            "base offset -1",
            "leader epoch 9",
            "codec *",
            "gzip that isn't",
            "snappy that isn't",
            "lz4 that isn't",
            "zstd that isn't",
            "log append time",
            "transactional without producer",
            "control",
            "delete horizon",
            "attributes unknown",
            "delta too small",
            "delta too large",
            "delta negative",
            "count 0",
            "count 0 and delta -1",
            "count negative",
            "count 1 of 2",
            "count 3 of 2",
            "producer without epoch",
            "producer and epoch without sequence",
            "sequence without producer",
            "producer id -2",
            "record too long",
            "record too short",
            "record of no length",
            "record attributes",
            "record offset delta not from 0",
            "record key too long",
            "record key of -2",
            "record header count negative",
            "no records though counted",
            "base offset and checksum wrong",
            "base offset and too large",
            "control and count wrong",
            "what was taken",
            "no keys, v*",
            "no keys, codec *",
            "no keys, compact and delete",
        ),
        _UNSORTED,
    ),
    "codecs_and_stamps": dict.fromkeys(
        (
            "two hours ahead",
            "time immense",
            "two hours ahead, v*",
            "the second record ahead",
            "too old",
            "too new",
            "first good, second too old",
            "first too old, second good",
        ),
        _STAMPS,
    ),
    "sequences": dict.fromkeys(
        ("a new one and its retry in one request",),
        _MAP,
    ),
    "fetches": {
        "isolation 2": _ISOLATION,
        "isolation -1": _ISOLATION,
        "good and bad ids together": _IN_ORDER,
        "one partition twice*": _TWICE_READ,
        "at most -1 of *": _LESS_THAN_NOTHING,
    },
    "topics": {
        "no such topic widened, v*": _NAMES_IT,
        "widening: a name that cannot be": _NAMES_IT,
        "widening: no name": _NAMES_IT,
        "settings of no topic, v*": _NAMES_IT,
        "partitions: no name": _NO_BUG,
    },
    "places": {"neither name nor id, v1[23]": _NO_BUG},
}
