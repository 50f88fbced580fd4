"""Partition roles: what a replica does with its log — lead (append, acknowledge, wake readers), later follow.

The log below knows bytes and cursors; this room knows what they mean to others: the high watermark that consumers may
read to, the durable offset that `acks=all` waits for, the in-sync set, the leader epoch.
"""
