"""Where Odradek answers otherwise than Apache Kafka 4.3.1: the requests (label patterns by story), each with its reason.

A difference that is not named here fails the test; so does a name that no difference bears any longer, and an answer of ours
that is no longer the one that was judged (`our_answers.py` keeps those). OWN is meant to stay, OPEN is to be mended.
"""

from __future__ import annotations

_NO_BUG = "OWN: Kafka answers UNKNOWN_SERVER_ERROR, for want of a check"
_NAMES_IT = "OWN: the words name the topic; Kafka has none here, and clients then show the error code's general ones"
_BEHIND = "OWN: what follows a batch and is less than one is refused with it; Kafka drops it in silence, and nobody sends it"
_STAMPED = "OWN: refused on every topic, as KIP-32 says; Kafka does it where the topic stamps, and clears the bit elsewhere"
_TRANSACTIONS = "OWN: the batch is judged; Kafka misses the request's transactional id first. Until there are transactions"
_UNREAD = "OWN: the records of a batch are not read where nothing asks for it (docs/decisions/0005); Kafka reads all"
_SENSELESS = "OWN: INVALID_RECORD where records cannot be unpacked; Kafka answers UNKNOWN_SERVER_ERROR for want of a case"
_SAME_OFFSET = "OWN: refused where records are read; Kafka keeps two records with one offset, or counts anew when it packs"
_UNUSED_BITS = "OWN: what is packed anew stays what was sent, to the bit; Kafka writes new records, without bits it doesn't use"
_OLDER_THAN_THE_FIRST = "OWN: the header tells the first record's time and the largest, no older one's (docs/decisions/0005)"
_TWICE_SENT = "OWN: each batch is kept and answered; Kafka keeps a partition's last one and loses the others without a word"
_ISOLATION = "OWN: INVALID_REQUEST where Kafka answers UNKNOWN_SERVER_ERROR for want of a check, in the same shape"
_IN_ORDER = "OWN: topics are answered in the order asked, as often as they are named; Kafka puts its refusals behind the rest"
_LESS_THAN_NOTHING = "OWN: a negative size is read as 0; Kafka fails on it (UNKNOWN_SERVER_ERROR) for want of a check"

KNOWN: dict[str, dict[str, str]] = {
    "produces": {
        "one * twice": _TWICE_SENT,
        "what is kept of both": _TWICE_SENT,
    },
    "listed_offsets": {
        "isolation 2*": _ISOLATION,
        "after deleting all, time -3": "OWN: the record was deleted, though its segment is still there",
    },
    "batches_refused": {
        **dict.fromkeys(("a byte behind*", "half a batch behind*"), _BEHIND),
        "length immense": _NO_BUG + ", its length overflows; here it is an incomplete batch as any other",
        "codec [57]": _NO_BUG + ", and the log's start with it; here UNSUPPORTED_COMPRESSION_TYPE",
        **dict.fromkeys(("log append time*", "*: log append time*"), _STAMPED),
        "transactional *": _TRANSACTIONS,
        **dict.fromkeys(
            (
                "gzip that isn't*",
                "snappy that isn't*",
                "lz4 that isn't*",
                "zstd that isn't*",
                "count 1 of 2*",
                "count 3 of 2*",
                "record too long*",
                "record too short*",
                "record of no length*",
                "record key too long*",
                "record key of -2*",
                "record header count negative*",
            ),
            _UNREAD,
        ),
        "to gzip: gzip that isn't*": _UNREAD,
        **dict.fromkeys(("compact: * that isn't", "to gzip: snappy *", "to gzip: lz4 *", "to gzip: zstd *"), _SENSELESS),
        "*: record offset delta not from 0*": _SAME_OFFSET,
        **dict.fromkeys(("to gzip: record attributes: kept", "to gzip: delete horizon: kept"), _UNUSED_BITS),
    },
    "codecs_and_stamps": {"first good, second too old": _OLDER_THAN_THE_FIRST},
    "sequences": {"a new one and its retry in one request": _TWICE_SENT},
    "fetches": {
        "isolation 2": _ISOLATION,
        "isolation -1": _ISOLATION,
        "good and bad ids together": _IN_ORDER,
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
    "made_by_asking": {
        "to be made, v*": "OWN: made and answered at once; Kafka makes it too, says that it is unknown, and is asked again",
        "to be made: a name that collides": "OWN: said to be no name for a topic, for good; Kafka says unknown again and again",
    },
    "alterations": {
        "an unknown operation": _NO_BUG,
        "brokers: more than double the threads": "OWN: there are no such threads, so their number may be set to anything",
        "brokers: a topic's name": "OWN: a name that is no broker's is refused as mistyped; Kafka keeps it for plug-ins",
        "described: metrics": "OWN: no metrics are taken from clients (KIP-714), so there is nothing to configure",
    },
}
