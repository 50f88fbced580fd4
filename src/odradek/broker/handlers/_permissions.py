"""What a client may do, as bits (KIP-430), until there is an authoriser: everything.

A bit is an `AclOperation`: read 3, write 4, create 5, delete 6, alter 7, describe 8, cluster action 9, describe
configs 10, alter configs 11, idempotent write 12. No API: the leading underscore says so.
"""

from __future__ import annotations

from typing import Final

NOT_ASKED: Final = -(2**31)
TOPIC_OPERATIONS: Final = sum(1 << operation for operation in (3, 4, 5, 6, 7, 8, 10, 11))
CLUSTER_OPERATIONS: Final = sum(1 << operation for operation in (5, 7, 8, 9, 10, 11, 12))
