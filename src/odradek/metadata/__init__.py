"""The cluster's metadata: which topics, partitions, configurations and brokers there are, and who decides about them.

Four parts, each replaceable: the *store* keeps it (SQLite on one node, memory in tests, etcd in a cluster later), the
*image* is its copy in memory that all handlers read, the *decisions* are pure functions from image and request to
changes (topics, partitions, configurations), and the *controller* carries changes out: store first, image after.
Configuration names live here too, since a topic's settings are metadata with the broker's as their defaults.

Stands on `base` alone, except where it reads what Apache Kafka wrote (`kafka_metadata.py`: `records`, `aio`).
"""
