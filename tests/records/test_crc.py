"""The checksum is Castagnoli's, and loading it does not drag the package's metadata along."""

from __future__ import annotations

import subprocess
import sys

import crc32c as package
from hypothesis import given
from hypothesis import strategies as st

from odradek.records.crc import crc32c


def test_known_values() -> None:
    # RFC 3720, appendix B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@given(st.binary(), st.binary())
def test_it_is_the_packages_function_and_continues(first: bytes, second: bytes) -> None:
    assert crc32c(first + second) == package.crc32c(first + second) == crc32c(memoryview(second), crc32c(first))


def test_importing_batches_stays_cheap_and_the_package_still_works_afterwards() -> None:
    program = (
        "import sys; import odradek.records.batch, odradek.records.record, odradek.log.producer_state\n"
        "assert not {'importlib.metadata', 'crc32c', 'zstandard', 'lz4', 'isal', 'cramjam', 'zlib'} & set(sys.modules)\n"
        "import crc32c; assert crc32c.crc32c(b'abc') == odradek.records.batch.batch_crc(bytes(21) + b'abc', 0, 24)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
