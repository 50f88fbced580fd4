"""InitProducerId (API key 22), versions 0 to 5.

Gives an idempotent producer a fresh id with epoch 0: whatever id it had before, as Kafka does for producers without a
transactional id (they bump their epoch themselves, KIP-360). Ids are never given twice: they come in blocks that are
noted in the metadata store before the first of them is used (`producer_ids.py`).

Left out on purpose: a transactional id is refused with UNSUPPORTED_VERSION until there is a transaction coordinator;
clients take that for "this broker has no transactions" and fail at once, with that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.wire.errors import ErrorCode
from odradek.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: InitProducerIdRequest, context: RequestContext) -> InitProducerIdResponse:
    """A fresh id with epoch 0; INVALID_REQUEST for an id without epoch or an epoch without id."""
    if request.transactional_id is not None:
        code = ErrorCode.INVALID_REQUEST if request.transactional_id == "" else ErrorCode.UNSUPPORTED_VERSION
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    has_id, has_epoch = request.producer_id != -1, request.producer_epoch != -1
    if has_id != has_epoch:
        return InitProducerIdResponse(error_code=ErrorCode.INVALID_REQUEST, producer_id=-1, producer_epoch=-1)
    return InitProducerIdResponse(producer_id=await context.broker.producer_ids.next(), producer_epoch=0)
