"""CRC-32C (Castagnoli), by the processor's own instruction.

The package `crc32c` reads its version from its installed metadata whenever it is imported, which takes 20-40 ms (email
parser, zipfile, ...): a tenth of the time in which a broker is to answer its first request. So its compiled module is loaded
alone, under its own name, where a later `import crc32c` finds it. Should the package be laid out differently one day, it is
imported the ordinary way.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Final, Protocol

_EXTENSION: Final = "crc32c._crc32c"


class Checksum(Protocol):
    def __call__(self, data: bytes | bytearray | memoryview, value: int = 0, /) -> int:
        """The checksum of `data`, or its continuation from `value`."""


def _load() -> Checksum:
    package = find_spec("crc32c")
    spec = package and PathFinder.find_spec(_EXTENSION, package.submodule_search_locations)
    if not spec or not spec.loader or _EXTENSION in sys.modules:
        from crc32c import crc32c as ordinary

        return ordinary
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_EXTENSION] = module
    checksum: Checksum = module.crc32c
    return checksum


crc32c: Final = _load()
