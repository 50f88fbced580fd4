"""One module per Kafka API, named after it; `odradek.broker.dispatch` loads a module when its API is first asked for.

Each has `handle(request, context)`, which takes the decoded request and gives back the response message, or a future of
it, or is a coroutine that returns it. The form tells the connection what to do with the requests behind this one:

- a message: answered at once;
- a coroutine: the connection's later requests wait for it (Kafka mutes the channel, and clients count on it: a JoinGroup is
  over before the Heartbeat behind it is looked at);
- a future: the request's effect has happened already, only its answer waits (a produce on the disk, a fetch on data): later
  requests go on, and answers leave in the order of the requests.
"""
