"""The five codecs of `compression.type`, as Kafka clients write and read them.

The records of a batch are compressed as one block. What the block is, by codec:

| codec | block | written here as |
|---|---|---|
| gzip | RFC 1952, any number of members | one member, no name, no time |
| snappy | xerial framing (Java) or one raw block (librdkafka, Go) | xerial framing, chunks of 32 KiB: every client reads that |
| lz4 | LZ4 frames (KIP-57 for magic 2) | one frame, independent 64 KiB blocks: Java refuses dependent ones |
| zstd | frames, their content size known or not | one frame |

Xerial framing: `82 'SNAPPY' 00`, version int32 = 1, oldest compatible version int32 = 1, then chunks: length int32, raw snappy
block. A raw block cannot begin like that (it would start with a copy of bytes that do not exist).

Unpacking is bounded: a batch of a few hundred bytes may unpack to gigabytes, so `decompress` takes a `limit` and stops there.
Libraries are imported when a codec is first used; a zstd compressor belongs to one thread (sharing one crashes).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from enum import IntEnum
from itertools import repeat
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol, cast

from odradek.records.batch import Buffer
from odradek.records.errors import DecompressedTooLarge, InvalidRecord, UnsupportedCompressionType

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor


class Codec(IntEnum):
    """The number in a batch's attributes. `label` is the name in `compression.type`."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4

    @property
    def label(self) -> str:
        return "uncompressed" if self is Codec.NONE else self.name.lower()


# Room for the largest batch a request can carry (socket.request.max.bytes, 100 MiB), unpacked at an ordinary ratio. Kafka has
# no such bound, and no setting for it.
DECOMPRESSED_SIZE_MAX: Final = 256 << 20

_INT32: Final = Struct(">i")
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = _XERIAL_MAGIC + _INT32.pack(1) + _INT32.pack(1)
_XERIAL_CHUNK: Final = 32 << 10
_GZIP_WINDOW: Final = 31
_GZIP_FAST_LEVEL_MAX: Final = 3  # what isal offers; beyond, zlib packs tighter
_LZ4_FAST_LEVEL: Final = 9  # Kafka's default level, which there means the fast compressor, not the ninth of the thorough ones
_ZSTD_LEVEL: Final = 3
# zstd may unpack 4 bytes to 128 KiB: a step can overshoot the limit by 16 MiB.
_ZSTD_STEP: Final = 512
# Who packs writes one frame, or a few; each one costs a decompressor, and (gzip, lz4) a copy of all that follows it.
_FRAMES_MAX: Final = 1_000
_UNPACK_STEP_MIN: Final = 64 << 10


def codec_of(number: int) -> Codec:
    """The codec with this number; raises `UnsupportedCompressionType`."""
    try:
        return Codec(number)
    except ValueError:
        raise UnsupportedCompressionType(f"codec {number} does not exist; known are 0 to {max(Codec).value}") from None


def compress(codec: int, data: Buffer, level: int | None = None) -> bytes:
    """`data` as one block of `codec`. `level` as in Kafka's `compression.<codec>.level`; None is Kafka's default."""
    match codec_of(codec):
        case Codec.NONE:
            return bytes(data)
        case Codec.GZIP:
            return _gzip(data, level)
        case Codec.SNAPPY:
            return _snappy(data)
        case Codec.LZ4:
            return _lz4(data, level)
        case Codec.ZSTD:
            return _zstd_compressor(_ZSTD_LEVEL if level is None else level).compress(data)


def decompress(codec: int, data: Buffer, *, limit: int = DECOMPRESSED_SIZE_MAX) -> bytes:
    """What the block of `codec` holds, at most `limit` bytes.

    Raises `DecompressedTooLarge` beyond the limit, `InvalidRecord` for a block that is damaged, cut or followed by garbage.
    """
    match codec_of(codec):
        case Codec.NONE:
            unpacked = bytes(data)
        case Codec.GZIP:
            unpacked = _ungzip(data, limit)
        case Codec.SNAPPY:
            unpacked = _unsnappy(data, limit)
        case Codec.LZ4:
            unpacked = _unlz4(data, limit)
        case Codec.ZSTD:
            unpacked = _unzstd(data, limit)
    if len(unpacked) > limit:
        raise _too_large(codec, len(data), limit)
    return unpacked


def _too_large(codec: int, size: int, limit: int) -> DecompressedTooLarge:
    return DecompressedTooLarge(
        f"{size} bytes of {Codec(codec).label} unpack to more than {limit} bytes, the bound for one batch"
    )


def _broken(codec: Codec, reason: object) -> InvalidRecord:
    return InvalidRecord(f"records cannot be unpacked as {codec.label}: {reason}")


class _Unpacker(Protocol):
    """What the gzip and lz4 libraries' incremental decompressors share with the standard library's `bz2`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: Buffer, max_length: int) -> bytes: ...


def _unpack_frame(unpacker: _Unpacker, data: Buffer, limit: int, out: list[bytes]) -> bytes:
    """Unpack one frame at the beginning of `data` into `out`, stopping past `limit` bytes in all; what follows the frame."""
    step = max(_UNPACK_STEP_MIN, 4 * len(data))
    total = sum(map(len, out))
    while not unpacker.eof and total <= limit:
        out.append(unpacker.decompress(data, max_length=min(step, limit + 1 - total)))
        total += len(out[-1])
        data = b""
        step *= 2
        if unpacker.needs_input and not unpacker.eof:
            raise EOFError("the frame is cut")
    return (unpacker.unused_data or b"") if unpacker.eof else b""


def _frames(codec: Codec) -> Iterator[None]:
    """Once per frame that a batch may have; raises `InvalidRecord` when it has more."""
    yield from repeat(None, _FRAMES_MAX)
    raise _broken(codec, f"more than {_FRAMES_MAX} frames, the bound for one batch")


def _gzip(data: Buffer, level: int | None) -> bytes:
    if level is None or level <= _GZIP_FAST_LEVEL_MAX:
        from isal import isal_zlib

        return bytes(isal_zlib.compress(data, 1 if level is None or level < 1 else level, wbits=_GZIP_WINDOW))
    import zlib

    return zlib.compress(data, level, wbits=_GZIP_WINDOW)


def _ungzip(data: Buffer, limit: int) -> bytes:
    from isal import igzip_lib

    out: list[bytes] = []
    try:
        rest: Buffer = data
        for _ in _frames(Codec.GZIP):
            rest = _unpack_frame(igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), rest, limit, out)
            if not rest:
                break
    except (cast("type[Exception]", igzip_lib.error), EOFError) as error:  # its stub takes the class for an instance
        raise _broken(Codec.GZIP, error) from error
    return b"".join(out)


def _lz4(data: Buffer, level: int | None) -> bytes:
    import lz4.frame

    return bytes(
        lz4.frame.compress(
            data,
            compression_level=0 if level in (None, _LZ4_FAST_LEVEL) else level,
            block_size=lz4.frame.BLOCKSIZE_MAX64KB,
            block_linked=False,
            store_size=False,
        )
    )


def _unlz4(data: Buffer, limit: int) -> bytes:
    import lz4.frame

    out: list[bytes] = []
    try:
        rest: Buffer = data
        for _ in _frames(Codec.LZ4):
            rest = _unpack_frame(lz4.frame.LZ4FrameDecompressor(), rest, limit, out)
            if not rest:
                break
    except (RuntimeError, EOFError) as error:
        raise _broken(Codec.LZ4, error) from error
    return b"".join(out)


def _snappy(data: Buffer) -> bytes:
    from cramjam import snappy

    view = memoryview(data)
    out = bytearray(_XERIAL_HEADER)
    for start in range(0, len(view), _XERIAL_CHUNK):
        block = snappy.compress_raw(view[start : start + _XERIAL_CHUNK])
        out += _INT32.pack(len(block))
        out += memoryview(block)
    return bytes(out)


def _unsnappy(data: Buffer, limit: int) -> bytes:
    view = memoryview(data)
    if bytes(view[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return _unsnappy_block(view, limit, 0)
    out = bytearray()
    position = len(_XERIAL_HEADER)
    if len(view) < position:
        raise _broken(Codec.SNAPPY, f"{len(view)} bytes, the framing's header alone has {position}")
    while position < len(view):
        if position + _INT32.size > len(view):
            raise _broken(Codec.SNAPPY, f"a chunk's length is cut at byte {position}")
        size = _INT32.unpack_from(view, position)[0]
        position += _INT32.size
        if not 0 <= size <= len(view) - position:
            raise _broken(Codec.SNAPPY, f"a chunk of {size} bytes at byte {position}, {len(view) - position} are left")
        out += _unsnappy_block(view[position : position + size], limit, len(out))
        position += size
    return bytes(out)


def _unsnappy_block(block: memoryview, limit: int, before: int) -> bytes:
    """One raw block, behind chunks that unpacked to `before` bytes."""
    from cramjam import DecompressionError, snappy

    try:
        # The block names its unpacked size itself; asked before unpacking, since the library allocates what it says.
        if before + snappy.decompress_raw_len(block) > limit:
            raise _too_large(Codec.SNAPPY, len(block), limit)
        return bytes(snappy.decompress_raw(block))
    except DecompressionError as error:
        raise _broken(Codec.SNAPPY, error) from error


_local = threading.local()


def _zstd_compressor(level: int) -> ZstdCompressor:
    """This thread's compressor of `level`."""
    compressors: dict[int, ZstdCompressor] | None = getattr(_local, "compressors", None)
    if compressors is None:
        compressors = _local.compressors = {}
    if level not in compressors:
        import zstandard

        compressors[level] = zstandard.ZstdCompressor(level=level)
    return compressors[level]


def _zstd_decompressor() -> ZstdDecompressor:
    """This thread's decompressor."""
    decompressor: ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        import zstandard

        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return decompressor


def _unzstd(data: Buffer, limit: int) -> bytes:
    import zstandard

    out: list[bytes] = []
    rest = memoryview(data)
    try:
        for _ in _frames(Codec.ZSTD):
            rest = _unzstd_frame(rest, limit, out)
            if not rest:
                break
    except (zstandard.ZstdError, EOFError) as error:
        raise _broken(Codec.ZSTD, error) from error
    return b"".join(out)


def _unzstd_frame(data: memoryview, limit: int, out: list[bytes]) -> memoryview:
    """As `_unpack_frame`, for a library that bounds its input, not its output."""
    unpacker = _zstd_decompressor().decompressobj()
    total = sum(map(len, out))
    for start in range(0, len(data), _ZSTD_STEP):
        step = data[start : start + _ZSTD_STEP]
        out.append(unpacker.decompress(step))
        total += len(out[-1])
        if total > limit:
            return data[:0]
        if unpacker.eof:
            return data[start + len(step) - len(unpacker.unused_data) :]
    raise EOFError("the frame is cut")
