import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the Java admin client asks for in daily use, refusals included. */
final class AdminStories {
    static void addTo(Map<String, Stories.Story> all) {
        all.put("admin-topics", AdminStories::topics);
        all.put("admin-topic-refusals", AdminStories::refusals);
        all.put("admin-configs", AdminStories::configs);
        all.put("admin-offsets-and-records", AdminStories::offsetsAndRecords);
        all.put("admin-groups", AdminStories::groups);
        all.put("admin-cluster", AdminStories::cluster);
    }

    private static void topics(Context context) throws Exception {
        Admin admin = context.admin;
        String name = context.unique();
        NewTopic wanted = new NewTopic(name, 2, (short) 1).configs(Map.of("retention.ms", "5000"));
        var made = admin.createTopics(List.of(wanted));
        made.all().get();
        Context.same(2, made.numPartitions(name).get());
        Context.same("5000", made.config(name).get().get("retention.ms").value());
        Uuid id = made.topicId(name).get();
        Context.eventually("it is listed", () -> admin.listTopics().names().get().contains(name));
        Context.same(id, admin.listTopics().namesToListings().get().get(name).topicId());
        TopicDescription byName = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
        Context.same(2, byName.partitions().size());
        Context.same(id, byName.topicId());
        TopicDescription byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
        Context.same(name, byId.name());
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(4))).all().get();
        Context.eventually("four partitions", () ->
                admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == 4);
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Context.eventually("it is gone", () -> !admin.listTopics().names().get().contains(name));
    }

    private static void refusals(Context context) throws Exception {
        Admin admin = context.admin;
        String name = context.topic(2);
        Context.fails(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get());
        Context.fails(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("a/b", 1, (short) 1))).all().get());
        Context.fails(InvalidPartitionsException.class, () -> admin.createTopics(List.of(new NewTopic(context.unique(), 0, (short) 1))).all().get());
        Context.fails(InvalidReplicationFactorException.class, () -> admin.createTopics(List.of(new NewTopic(context.unique(), 1, (short) 3))).all().get());
        Context.fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of(name, NewPartitions.increaseTo(1))).all().get());
        Context.fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(context.unique())).allTopicNames().get());
        Context.fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(context.unique())).all().get());
    }

    private static void configs(Context context) throws Exception {
        Admin admin = context.admin;
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, context.topic(1));
        alter(admin, topic, "retention.ms", "1234", AlterConfigOp.OpType.SET);
        DescribeConfigsOptions all = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        Config config = admin.describeConfigs(List.of(topic), all).all().get().get(topic);
        ConfigEntry entry = config.get("retention.ms");
        Context.same("1234", entry.value());
        Context.same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, entry.source());
        Context.same(ConfigEntry.ConfigType.LONG, entry.type());
        Context.check(!entry.documentation().isEmpty(), "no documentation");
        Context.check(config.get("cleanup.policy").isDefault(), "cleanup.policy is not a default");
        alter(admin, topic, "retention.ms", "", AlterConfigOp.OpType.DELETE);
        Context.eventually("back to the default", () -> "604800000".equals(
                admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms").value()));
        Context.fails(InvalidConfigurationException.class, () -> {
            alter(admin, topic, "retention.ms", "soon", AlterConfigOp.OpType.SET);
            return null;
        });
        Node node = admin.describeCluster().nodes().get().iterator().next();
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node.idString());
        Context.same("4", admin.describeConfigs(List.of(broker)).all().get().get(broker).get("num.partitions").value());
    }

    private static void alter(Admin admin, ConfigResource resource, String name, String value, AlterConfigOp.OpType kind)
            throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(name, value), kind)))).all().get();
    }

    private static void offsetsAndRecords(Context context) throws Exception {
        Admin admin = context.admin;
        String topic = context.topic(1);
        TopicPartition part = new TopicPartition(topic, 0);
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of())) {
            for (long stamp : new long[] {1000, 5000, 3000}) {
                producer.send(new ProducerRecord<>(topic, 0, stamp, null, new byte[100])).get();
            }
        }
        Context.same(0L, offset(admin, part, OffsetSpec.earliest()));
        Context.same(3L, offset(admin, part, OffsetSpec.latest()));
        Context.same(1L, offset(admin, part, OffsetSpec.maxTimestamp()));
        Context.same(1L, offset(admin, part, OffsetSpec.forTimestamp(1001)));
        Context.same(-1L, offset(admin, part, OffsetSpec.forTimestamp(5001)));
        Context.same(2L, admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(part).get().lowWatermark());
        Context.same(2L, offset(admin, part, OffsetSpec.earliest()));
        Context.fails(OffsetOutOfRangeException.class, () -> admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(9))).all().get());
        Context.same(3L, admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(part).get().lowWatermark());
        int node = admin.describeCluster().nodes().get().iterator().next().id();
        var directories = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
        Context.check(directories.values().stream().anyMatch(dir -> dir.replicaInfos().containsKey(part)), "not in a log dir");
    }

    private static long offset(Admin admin, TopicPartition part, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(part, spec)).partitionResult(part).get().offset();
    }

    private static void groups(Context context) throws Exception {
        Admin admin = context.admin;
        String topic = context.topic(1);
        TopicPartition part = new TopicPartition(topic, 0);
        String group = context.unique();
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(Map.of("group.id", group, "group.instance.id", "ann"))) {
            consumer.subscribe(List.of(topic));
            Context.eventually("assigned", () -> {
                consumer.poll(Context.STEP);
                return !consumer.assignment().isEmpty();
            });
            Context.same(GroupState.STABLE, describe(admin, group).groupState());
            Context.same(Set.of(part), describe(admin, group).members().iterator().next().assignment().topicPartitions());
            Context.same(Optional.of("ann"), describe(admin, group).members().iterator().next().groupInstanceId());
            Context.fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
        var removal = new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("ann")));
        admin.removeMembersFromConsumerGroup(group, removal).all().get();
        Context.eventually("empty", () -> describe(admin, group).groupState() == GroupState.EMPTY);
        admin.alterConsumerGroupOffsets(group, Map.of(part, new OffsetAndMetadata(0, "here"))).all().get();
        Context.same("here", admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(part).metadata());
        admin.deleteConsumerGroupOffsets(group, Set.of(part)).all().get();
        Context.same(null, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(part));
        var classic = admin.listGroups(ListGroupsOptions.forConsumerGroups().inGroupStates(Set.of(GroupState.EMPTY)));
        // Without members and offsets Kafka may drop it at once; either it is listed as empty, or it is not there.
        for (GroupListing found : classic.all().get()) {
            Context.check(found.groupState().isPresent(), "a group without a state");
        }
        admin.alterConsumerGroupOffsets(group, Map.of(part, new OffsetAndMetadata(0))).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Context.fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    private static ConsumerGroupDescription describe(Admin admin, String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    }

    private static void cluster(Context context) throws Exception {
        var cluster = context.admin.describeCluster();
        Context.same(1, cluster.nodes().get().size());
        Context.check(!cluster.clusterId().get().isEmpty(), "no cluster id");
        Context.same(context.bootstrap, cluster.nodes().get().iterator().next().host() + ":" + cluster.nodes().get().iterator().next().port());
        Context.check(cluster.controller().get() != null, "no controller");
        Context.check(context.admin.describeFeatures().featureMetadata().get() != null, "no features");
    }

    private AdminStories() {}
}
