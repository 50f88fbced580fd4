"""Kafka's protocol without I/O: frames, headers, messages and their codecs, error codes.

Bytes come in, objects go out, and the reverse. Nothing here reads a socket, a clock or a configuration, and nothing
that arrives from a socket can make it raise anything but `WireError`. `frames` splits a byte stream, `headers` reads
what is in front of each message, `api` finds the codecs of a message, and `messages` holds them, generated from the
table in `tools/schema`.
"""
