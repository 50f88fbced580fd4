import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The broker's address, fresh names, clients, and waiting for what must come true. */
final class Context implements AutoCloseable {
    static final Duration STEP = Duration.ofMillis(100);
    static final long WAIT_MS = 30_000;

    final String bootstrap;
    final Admin admin;

    Context(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    String unique() {
        return "j-" + UUID.randomUUID();
    }

    String topic(int partitions) throws Exception {
        String name = unique();
        admin.createTopics(List.of(new NewTopic(name, Optional.of(partitions), Optional.empty()))).all().get();
        eventually("the topic is known", () -> admin.listTopics().names().get().contains(name));
        return name;
    }

    KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "max.request.size", 2 << 20));
        config.putAll(more);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of(
                "bootstrap.servers", bootstrap,
                "auto.offset.reset", "earliest",
                "enable.auto.commit", false,
                "fetch.max.wait.ms", 100,
                "session.timeout.ms", 6000,
                "heartbeat.interval.ms", 200));
        config.putAll(more);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> got = new ArrayList<>();
        long end = System.currentTimeMillis() + WAIT_MS;
        while (got.size() < count) {
            check(System.currentTimeMillis() < end, "got " + got.size() + " of " + count + " records");
            consumer.poll(STEP).forEach(got::add);
        }
        return got;
    }

    static void eventually(String what, Callable<Boolean> holds) throws Exception {
        long end = System.currentTimeMillis() + WAIT_MS;
        while (!holds.call()) {
            check(System.currentTimeMillis() < end, "never came true: " + what);
            Thread.sleep(20);
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void same(Object expected, Object got) {
        check(Objects.equals(expected, got), "expected " + expected + ", got " + got);
    }

    /** The class of the error that `call` fails with, as a future's cause or thrown. */
    static void fails(Class<? extends Throwable> expected, Callable<?> call) {
        Throwable got = null;
        try {
            call.call();
        } catch (Throwable thrown) {
            got = thrown.getCause() == null ? thrown : thrown.getCause();
        }
        check(expected.isInstance(got), "expected " + expected.getSimpleName() + ", got " + got);
    }

    @Override
    public void close() {
        admin.close(Duration.ofSeconds(5));
    }
}
