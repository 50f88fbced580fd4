"""How long a name may be: the strings in the records of `__consumer_offsets` have an int16 length.

Requests can carry longer ones since their strings are compact (KIP-482). Kafka finds that out when it writes the record and
answers UNKNOWN_SERVER_ERROR; here it is refused at the door, by what the name belongs to.
"""

from __future__ import annotations

from typing import Final

RECORD_STRING_BYTES_MAX: Final = 2**15 - 1
_UTF8_BYTES_MAX: Final = 4  # of one character


def is_too_long(name: str | None) -> bool:
    """Whether no record can hold `name`."""
    if name is None or len(name) * _UTF8_BYTES_MAX <= RECORD_STRING_BYTES_MAX:
        return False
    return len(name.encode(errors="surrogatepass")) > RECORD_STRING_BYTES_MAX
