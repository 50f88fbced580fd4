"""The command line: `odradek serve`, and a small set of tools that work on any Kafka-compatible cluster.

Two kinds of commands live here. `serve` and `log` are Odradek's own: they start the broker and read its files. `topic`,
`produce`, `consume` and `group` talk to a broker through a client library (librdkafka, by `confluent-kafka`), as any
application would, so that they work on Apache Kafka too.

Rules of the room:
- Answering fast is a feature: a command imports what it needs when it runs (`lazy`), `--version` imports nothing at all.
- What a program reads goes to standard output, everything else to standard error. `--json` is a promise: fields are added,
  never renamed. Tables are for people and may change.
- A failure is one line that says which thing, its value, and the limit or the option that moves it; its exit code says which
  kind of failure it was (`errors`).
"""
