"""The broker: connections, dispatch, one handler module per API, and the wiring of the rooms below.

Wiring is all it is: what to append, whom to elect, when to expire is decided in pure modules further down.
"""
