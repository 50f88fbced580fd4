import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Classic groups: every assignor, growing and shrinking, static members, patterns, commits with metadata. */
final class GroupStories {
    static void addTo(Map<String, Stories.Story> all) {
        Map<String, Class<?>> assignors = Map.of(
                "range", RangeAssignor.class,
                "roundrobin", RoundRobinAssignor.class,
                "sticky", StickyAssignor.class,
                "cooperative", CooperativeStickyAssignor.class);
        assignors.forEach((name, type) -> all.put("group-" + name, context -> grow(context, type)));
        all.put("group-static", GroupStories::staticMember);
        all.put("group-pattern", GroupStories::pattern);
        all.put("group-commit", GroupStories::commit);
    }

    /** A member polled by a thread of its own. */
    private static final class Member implements AutoCloseable {
        final ConcurrentLinkedQueue<Set<Integer>> history = new ConcurrentLinkedQueue<>();
        final AtomicInteger records = new AtomicInteger();
        volatile Set<Integer> owned = Set.of();
        private volatile boolean over;
        private volatile RuntimeException failure;
        private final Thread thread;

        Member(Context context, String topic, Map<String, Object> config) {
            thread = new Thread(() -> {
                try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(config)) {
                    consumer.subscribe(List.of(topic));
                    while (!over) {
                        turn(consumer);
                    }
                } catch (RuntimeException thrown) {
                    failure = thrown;
                }
            });
            thread.start();
        }

        private void turn(KafkaConsumer<byte[], byte[]> consumer) {
            records.addAndGet(consumer.poll(Context.STEP).count());
            Set<Integer> now = new TreeSet<>();
            consumer.assignment().forEach(part -> now.add(part.partition()));
            if (!now.equals(owned)) {
                owned = now;
                history.add(now);
            }
        }

        @Override
        public void close() throws Exception {
            over = true;
            thread.join(Context.WAIT_MS);
            Context.check(!thread.isAlive(), "a member hangs in close()");
            if (failure != null) {
                throw failure;
            }
        }
    }

    private static boolean shared(List<Member> members, int partitions) {
        List<Integer> all = new ArrayList<>();
        boolean each = true;
        for (Member member : members) {
            if (member.failure != null) {
                throw member.failure;
            }
            all.addAll(member.owned);
            each &= !member.owned.isEmpty();
        }
        return each && all.size() == partitions && new TreeSet<>(all).size() == partitions;
    }

    private static void grow(Context context, Class<?> assignor) throws Exception {
        String topic = context.topic(6);
        Map<String, Object> config =
                Map.of("group.id", context.unique(), "partition.assignment.strategy", List.of(assignor));
        List<Member> members = new ArrayList<>();
        try {
            for (int wanted : new int[] {1, 2, 5, 2}) {
                while (members.size() < wanted) {
                    members.add(new Member(context, topic, config));
                }
                while (members.size() > wanted) {
                    members.remove(members.size() - 1).close();
                }
                Context.eventually(wanted + " members share", () -> shared(members, 6));
            }
        } finally {
            for (Member member : members) {
                member.close();
            }
        }
    }

    private static void staticMember(Context context) throws Exception {
        String topic = context.topic(4);
        String group = context.unique();
        List<Member> members = new ArrayList<>();
        for (String who : List.of("ann", "bob")) {
            members.add(new Member(context, topic, Map.of("group.id", group, "group.instance.id", who)));
        }
        Context.eventually("both share", () -> shared(members, 4));
        int changes = members.get(0).history.size();
        Set<Integer> before = members.get(1).owned;
        members.remove(1).close();
        members.add(new Member(context, topic, Map.of("group.id", group, "group.instance.id", "bob")));
        Context.eventually("bob is back", () -> shared(members, 4));
        Context.same(before, members.get(1).owned);
        Context.same(changes, members.get(0).history.size());
        for (Member member : members) {
            member.close();
        }
    }

    private static void pattern(Context context) throws Exception {
        String topic = context.topic(2);
        try (KafkaConsumer<byte[], byte[]> consumer =
                context.consumer(Map.of("group.id", context.unique(), "metadata.max.age.ms", 500))) {
            consumer.subscribe(Pattern.compile(topic + ".*"));
            Context.eventually("the pattern's topic is assigned", () -> {
                consumer.poll(Context.STEP);
                return consumer.assignment().size() == 2;
            });
        }
    }

    private static void commit(Context context) throws Exception {
        String topic = context.topic(1);
        TopicPartition part = new TopicPartition(topic, 0);
        Map<String, Object> config = Map.of("group.id", context.unique());
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of())) {
            for (int n = 0; n < 10; n++) {
                producer.send(new ProducerRecord<>(topic, 0, null, new byte[] {(byte) n}));
            }
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(config)) {
            consumer.subscribe(List.of(topic));
            context.read(consumer, 10);
            consumer.commitSync(Map.of(part, new OffsetAndMetadata(4, "a note: \u00fc")));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(config)) {
            Context.same("a note: \u00fc", consumer.committed(Set.of(part)).get(part).metadata());
            consumer.subscribe(List.of(topic));
            Context.same(4L, context.read(consumer, 6).get(0).offset());
            consumer.commitAsync();
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(config)) {
            Context.same(10L, consumer.committed(Set.of(part)).get(part).offset());
        }
    }

    private GroupStories() {}
}
