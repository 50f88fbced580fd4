"""Generated message classes and codecs, one module per API; `odradek.wire.api.load` imports the one that is asked for.

Every module has, by version, `DECODE_REQUEST`, `ENCODE_REQUEST`, `DECODE_RESPONSE` and `ENCODE_RESPONSE`. A decoder takes (buffer,
position) and returns (message, position after it); an encoder takes (message, bytearray) and appends. Answers that carry records
have `GATHER_RESPONSE` too: it writes all but the payloads and lists where those go.
"""
