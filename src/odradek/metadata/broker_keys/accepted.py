"""Names that Kafka knows and Odradek has no use for, kept so that nobody's file is refused.

One line each: name, type, whether Kafka lets it change at run time ("-" not, "broker" on one broker, "cluster"
everywhere), and Kafka's default after "=" (no "=": null). They are parsed for their type and shown by
DescribeConfigs; nothing reads them. Why they do nothing is said by their prefix; a name moves to another table on the
day that something reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from odradek.base.config import ConfigKey, ConfigType, Update
from odradek.metadata.broker_keys.shapes import WITHOUT_EFFECT

_REASONS = (
    ("ssl.", "TLS is not supported yet"),
    ("sasl.", "SASL is not supported yet"),
    ("delegation.token.", "delegation tokens are not supported"),
    ("remote.", "tiered storage is not supported"),
    ("follower.fetch.last.tiered", "tiered storage is not supported"),
    ("controller.", "there is no KRaft quorum: one node's metadata lives in SQLite"),
    ("metadata.", "there is no KRaft metadata log: one node's metadata lives in SQLite"),
    ("process.roles", "there are no roles: one node is everything"),
    ("group.consumer.", "the KIP-848 consumer protocol is not supported yet"),
    ("group.share.", "share groups are not supported yet"),
    ("share.", "share groups are not supported yet"),
    ("group.streams.", "streams groups are not supported yet"),
    ("transaction", "transactions are not supported yet"),
    ("add.partitions.to.txn.", "transactions are not supported yet"),
    ("log.cleaner.", "log compaction is not supported yet"),
    ("replica.", "replication between brokers is not supported yet"),
    ("num.replica.", "replication between brokers is not supported yet"),
    ("quota.", "quotas are not supported yet"),
    ("num.network.threads", "one event loop serves a shard's connections"),
    ("num.io.threads", "one event loop serves a shard's requests"),
    ("background.threads", "background work runs on the event loop"),
)
_UPDATES = {"-": Update.READ_ONLY, "broker": Update.PER_BROKER, "cluster": Update.CLUSTER_WIDE}

_TABLE = """
add.partitions.to.txn.retry.backoff.max.ms int - = 100
add.partitions.to.txn.retry.backoff.ms int - = 20
alter.config.policy.class.name class -
alter.log.dirs.replication.quota.window.num int - = 11
alter.log.dirs.replication.quota.window.size.seconds int - = 1
authorizer.class.name string - =
auto.leader.rebalance.enable boolean - = true
background.threads int cluster = 10
broker.heartbeat.interval.ms int - = 2000
broker.session.timeout.ms int - = 9000
client.quota.callback.class class -
config.providers list cluster =
connection.failed.authentication.delay.ms int - = 100
connections.max.reauth.ms long - = 0
controlled.shutdown.enable boolean - = true
controller.quorum.append.linger.ms int - = 25
controller.quorum.auto.join.enable boolean - = false
controller.quorum.bootstrap.servers list - =
controller.quorum.election.backoff.max.ms int - = 1000
controller.quorum.election.timeout.ms int - = 1000
controller.quorum.fetch.max.bytes int - = 1048576
controller.quorum.fetch.snapshot.max.bytes int - = 1048576
controller.quorum.fetch.timeout.ms int - = 2000
controller.quorum.request.timeout.ms int - = 2000
controller.quorum.retry.backoff.ms int - = 20
controller.quorum.voters list - =
controller.quota.window.num int - = 11
controller.quota.window.size.seconds int - = 1
controller.socket.timeout.ms int - = 30000
cordoned.log.dirs list cluster =
create.topic.policy.class.name class -
delegation.token.expiry.check.interval.ms long - = 3600000
delegation.token.expiry.time.ms long - = 86400000
delegation.token.max.lifetime.ms long - = 604800000
delegation.token.secret.key password -
delete.records.purgatory.purge.interval.requests int - = 1
early.start.listeners list -
fetch.purgatory.purge.interval.requests int - = 1000
follower.fetch.last.tiered.offset.enable boolean cluster = false
group.consumer.assignment.interval.ms int cluster = 1000
group.consumer.assignors list - = uniform,range
group.consumer.heartbeat.interval.ms int - = 5000
group.consumer.max.assignment.interval.ms int - = 15000
group.consumer.max.heartbeat.interval.ms int - = 15000
group.consumer.max.session.timeout.ms int - = 60000
group.consumer.max.size int - = 2147483647
group.consumer.migration.policy string - = bidirectional
group.consumer.min.assignment.interval.ms int - = 0
group.consumer.min.heartbeat.interval.ms int - = 5000
group.consumer.min.session.timeout.ms int - = 45000
group.consumer.session.timeout.ms int - = 45000
group.coordinator.append.linger.ms int - = -1
group.coordinator.background.threads int - = 2
group.coordinator.cached.buffer.max.bytes int cluster = 1048588
group.coordinator.rebalance.protocols list - = classic,consumer,streams
group.coordinator.threads int - = 4
group.share.assignment.interval.ms int cluster = 1000
group.share.assignors list - = simple
group.share.delivery.count.limit int - = 5
group.share.heartbeat.interval.ms int - = 5000
group.share.max.assignment.interval.ms int - = 15000
group.share.max.delivery.count.limit int - = 10
group.share.max.heartbeat.interval.ms int - = 15000
group.share.max.partition.max.record.locks int - = 4000
group.share.max.record.lock.duration.ms int - = 60000
group.share.max.session.timeout.ms int - = 60000
group.share.max.share.sessions int - = 2000
group.share.max.size int - = 200
group.share.min.assignment.interval.ms int - = 0
group.share.min.delivery.count.limit int - = 2
group.share.min.heartbeat.interval.ms int - = 5000
group.share.min.partition.max.record.locks int - = 100
group.share.min.record.lock.duration.ms int - = 15000
group.share.min.session.timeout.ms int - = 45000
group.share.partition.max.record.locks int - = 2000
group.share.record.lock.duration.ms int - = 30000
group.share.session.timeout.ms int - = 45000
group.streams.assignment.interval.ms int cluster = 1000
group.streams.heartbeat.interval.ms int - = 5000
group.streams.initial.rebalance.delay.ms int - = 3000
group.streams.max.assignment.interval.ms int - = 15000
group.streams.max.heartbeat.interval.ms int - = 15000
group.streams.max.session.timeout.ms int - = 60000
group.streams.max.size int - = 2147483647
group.streams.max.standby.replicas int - = 2
group.streams.min.assignment.interval.ms int - = 0
group.streams.min.heartbeat.interval.ms int - = 5000
group.streams.min.session.timeout.ms int - = 45000
group.streams.num.standby.replicas int - = 0
group.streams.session.timeout.ms int - = 45000
initial.broker.registration.timeout.ms int - = 60000
inter.broker.listener.name string -
kafka.metrics.polling.interval.secs int - = 10
kafka.metrics.reporters list - =
leader.imbalance.check.interval.seconds long - = 300
log.cleaner.backoff.ms long cluster = 15000
log.cleaner.dedupe.buffer.size long cluster = 134217728
log.cleaner.enable boolean - = true
log.cleaner.io.buffer.load.factor double cluster = 0.9
log.cleaner.io.buffer.size int cluster = 524288
log.cleaner.io.max.bytes.per.second double cluster = 1.7976931348623157E308
log.cleaner.threads int cluster = 1
log.dir.failure.timeout.ms long - = 30000
metadata.log.dir string -
metadata.log.max.record.bytes.between.snapshots long - = 20971520
metadata.log.max.snapshot.interval.ms long - = 3600000
metadata.log.segment.bytes int - = 1073741824
metadata.log.segment.ms long - = 604800000
metadata.max.idle.interval.ms int - = 500
metadata.max.retention.bytes long - = 104857600
metadata.max.retention.ms long - = 604800000
metric.reporters list cluster = org.apache.kafka.common.metrics.JmxReporter
metrics.num.samples int - = 2
metrics.recording.level string - = INFO
metrics.sample.window.ms long - = 30000
num.io.threads int cluster = 8
num.network.threads int cluster = 3
num.replica.alter.log.dirs.threads int -
num.replica.fetchers int cluster = 1
principal.builder.class class broker = \
org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder
process.roles list -
producer.purgatory.purge.interval.requests int - = 1000
quota.window.num int - = 11
quota.window.size.seconds int - = 1
remote.fetch.max.wait.ms int cluster = 500
remote.list.offsets.request.timeout.ms long cluster = 30000
remote.log.index.file.cache.total.size.bytes long cluster = 1073741824
remote.log.manager.copier.thread.pool.size int cluster = 10
remote.log.manager.copy.max.bytes.per.second long cluster = 9223372036854775807
remote.log.manager.copy.quota.window.num int - = 11
remote.log.manager.copy.quota.window.size.seconds int - = 1
remote.log.manager.expiration.thread.pool.size int cluster = 10
remote.log.manager.fetch.max.bytes.per.second long cluster = 9223372036854775807
remote.log.manager.fetch.quota.window.num int - = 11
remote.log.manager.fetch.quota.window.size.seconds int - = 1
remote.log.manager.follower.thread.pool.size int cluster = 2
remote.log.manager.task.interval.ms long - = 30000
remote.log.manager.thread.pool.size int - = 2
remote.log.metadata.custom.metadata.max.bytes int - = 128
remote.log.metadata.manager.class.name string - = \
org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager
remote.log.metadata.manager.class.path string -
remote.log.metadata.manager.impl.prefix string - = rlmm.config.
remote.log.metadata.manager.listener.name string -
remote.log.reader.max.pending.tasks int - = 100
remote.log.reader.threads int cluster = 10
remote.log.storage.manager.class.name string -
remote.log.storage.manager.class.path string -
remote.log.storage.manager.impl.prefix string - = rsm.config.
remote.log.storage.system.enable boolean - = false
replica.fetch.backoff.ms int - = 1000
replica.fetch.max.bytes int - = 1048576
replica.fetch.min.bytes int - = 1
replica.fetch.response.max.bytes int - = 10485760
replica.fetch.wait.max.ms int - = 500
replica.lag.time.max.ms long - = 30000
replica.selector.class string -
replica.socket.receive.buffer.bytes int - = 65536
replica.socket.timeout.ms int - = 30000
replication.quota.window.num int - = 11
replication.quota.window.size.seconds int - = 1
sasl.client.callback.handler.class class -
sasl.enabled.mechanisms list broker = GSSAPI
sasl.jaas.config password broker
sasl.kerberos.kinit.cmd string broker = /usr/bin/kinit
sasl.kerberos.min.time.before.relogin long broker = 60000
sasl.kerberos.principal.to.local.rules list broker = DEFAULT
sasl.kerberos.service.name string broker
sasl.kerberos.ticket.renew.jitter double broker = 0.05
sasl.kerberos.ticket.renew.window.factor double broker = 0.8
sasl.login.callback.handler.class class -
sasl.login.class class -
sasl.login.connect.timeout.ms int -
sasl.login.read.timeout.ms int -
sasl.login.refresh.buffer.seconds short broker = 300
sasl.login.refresh.min.period.seconds short broker = 60
sasl.login.refresh.window.factor double broker = 0.8
sasl.login.refresh.window.jitter double broker = 0.05
sasl.login.retry.backoff.max.ms long - = 10000
sasl.login.retry.backoff.ms long - = 100
sasl.mechanism.controller.protocol string - = GSSAPI
sasl.mechanism.inter.broker.protocol string broker = GSSAPI
sasl.oauthbearer.assertion.algorithm string - = RS256
sasl.oauthbearer.assertion.claim.aud string -
sasl.oauthbearer.assertion.claim.exp.seconds int - = 300
sasl.oauthbearer.assertion.claim.iss string -
sasl.oauthbearer.assertion.claim.jti.include boolean - = false
sasl.oauthbearer.assertion.claim.nbf.seconds int - = 60
sasl.oauthbearer.assertion.claim.sub string -
sasl.oauthbearer.assertion.file string -
sasl.oauthbearer.assertion.private.key.file string -
sasl.oauthbearer.assertion.private.key.passphrase password -
sasl.oauthbearer.assertion.template.file string -
sasl.oauthbearer.client.credentials.client.id string -
sasl.oauthbearer.client.credentials.client.secret password -
sasl.oauthbearer.clock.skew.seconds int - = 30
sasl.oauthbearer.expected.audience list - =
sasl.oauthbearer.expected.issuer string -
sasl.oauthbearer.jwks.endpoint.refresh.ms long - = 3600000
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms long - = 10000
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms long - = 100
sasl.oauthbearer.jwks.endpoint.url string -
sasl.oauthbearer.jwt.retriever.class class - = \
org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever
sasl.oauthbearer.jwt.validator.class class - = \
org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator
sasl.oauthbearer.scope string -
sasl.oauthbearer.scope.claim.name string - = scope
sasl.oauthbearer.sub.claim.name string - = sub
sasl.oauthbearer.token.endpoint.url string -
sasl.server.callback.handler.class class -
sasl.server.max.receive.size int - = 524288
security.inter.broker.protocol string - = PLAINTEXT
security.providers string -
share.coordinator.append.linger.ms int - = -1
share.coordinator.cached.buffer.max.bytes int cluster = 1048588
share.coordinator.load.buffer.size int - = 5242880
share.coordinator.snapshot.update.records.per.snapshot int - = 500
share.coordinator.state.topic.compression.codec int - = 0
share.coordinator.state.topic.min.isr short - = 2
share.coordinator.state.topic.num.partitions int - = 50
share.coordinator.state.topic.replication.factor short - = 3
share.coordinator.state.topic.segment.bytes int - = 104857600
share.coordinator.threads int - = 1
share.coordinator.write.timeout.ms int - = 5000
share.fetch.purgatory.purge.interval.requests int - = 1000
socket.connection.setup.timeout.max.ms long - = 30000
socket.connection.setup.timeout.ms long - = 10000
ssl.allow.dn.changes boolean - = false
ssl.allow.san.changes boolean - = false
ssl.cipher.suites list broker =
ssl.client.auth string broker = none
ssl.enabled.protocols list broker = TLSv1.2,TLSv1.3
ssl.endpoint.identification.algorithm string broker = https
ssl.engine.factory.class class broker
ssl.key.password password broker
ssl.keymanager.algorithm string broker = SunX509
ssl.keystore.certificate.chain password broker
ssl.keystore.key password broker
ssl.keystore.location string broker
ssl.keystore.password password broker
ssl.keystore.type string broker = JKS
ssl.principal.mapping.rules string - = DEFAULT
ssl.protocol string broker = TLSv1.3
ssl.provider string broker
ssl.secure.random.implementation string broker
ssl.trustmanager.algorithm string broker = PKIX
ssl.truststore.certificates password broker
ssl.truststore.location string broker
ssl.truststore.password password broker
ssl.truststore.type string broker = JKS
telemetry.max.bytes int - = 1048576
transaction.abort.timed.out.transaction.cleanup.interval.ms int - = 10000
transaction.partition.verification.enable boolean cluster = true
transaction.remove.expired.transaction.cleanup.interval.ms int - = 3600000
transaction.state.log.load.buffer.size int - = 5242880
transaction.two.phase.commit.enable boolean - = false
"""


def keys() -> Iterator[ConfigKey]:
    """The table as keys."""
    for line in _TABLE.split("\n"):
        if line:
            yield _key(line)


def _key(line: str) -> ConfigKey:
    head, equals, text = line.partition(" =")
    name, type_name, update = head.split(" ")
    reason = next((why for prefix, why in _REASONS if name.startswith(prefix)), "nothing in Odradek reads it")
    key = ConfigKey(
        name,
        ConfigType[type_name.upper()],
        None,
        f"{WITHOUT_EFFECT}{reason}.",
        update=_UPDATES[update],
        effective=False,
    )
    if equals:
        key.default = key.parse(text)
    return key
