import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;

/** Records in, records out: codecs, keys, headers, nulls, a megabyte, positions and moments. */
final class ProduceConsumeStories {
    private static final long START = 1_700_000_000_000L;

    static void addTo(Map<String, Stories.Story> all) {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            all.put("roundtrip-" + codec, context -> roundtrip(context, Map.of("compression.type", codec)));
            all.put("megabyte-" + codec, context -> megabyte(context, codec));
        }
        all.put("roundtrip-acks-1", context -> roundtrip(context, Map.of("acks", "1", "enable.idempotence", false)));
        all.put("roundtrip-acks-0", context -> roundtrip(context, Map.of("acks", "0", "enable.idempotence", false)));
        all.put("idempotent-order", ProduceConsumeStories::idempotentOrder);
        all.put("positions-and-moments", ProduceConsumeStories::positions);
        all.put("too-large", ProduceConsumeStories::tooLarge);
        all.put("auto-creation", ProduceConsumeStories::autoCreation);
    }

    private static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    private static void roundtrip(Context context, Map<String, Object> config) throws Exception {
        String topic = context.topic(1);
        List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
        String[] keys = {null, "", "k", "schl\u00fcssel"};
        String[] values = {"", "v", null, "text ".repeat(40), "x".repeat(1000)};
        try (KafkaProducer<byte[], byte[]> producer = context.producer(config)) {
            for (int n = 0; n < 200; n++) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                        topic, 0, START + n, bytes(keys[n % keys.length]), bytes(values[n % values.length]));
                for (int h = 0; h < n % 3; h++) {
                    record.headers().add("h" + h, h == 0 ? null : bytes("v" + n));
                }
                sent.add(record);
                producer.send(record);
            }
            producer.flush();
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            consumer.seekToBeginning(consumer.assignment());
            List<ConsumerRecord<byte[], byte[]>> got = context.read(consumer, sent.size());
            for (int n = 0; n < sent.size(); n++) {
                Context.same((long) n, got.get(n).offset());
                Context.same(START + n, got.get(n).timestamp());
                Context.check(Arrays.equals(sent.get(n).key(), got.get(n).key()), "key of " + n);
                Context.check(Arrays.equals(sent.get(n).value(), got.get(n).value()), "value of " + n);
                Context.same(Arrays.asList(sent.get(n).headers().toArray()), Arrays.asList(got.get(n).headers().toArray()));
            }
        }
    }

    private static void megabyte(Context context, String codec) throws Exception {
        String topic = context.topic(1);
        byte[] big = new byte[1_000_000];
        new Random(3).nextBytes(big);
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of("compression.type", codec))) {
            producer.send(new ProducerRecord<>(topic, 0, null, big)).get();
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            Context.check(Arrays.equals(big, context.read(consumer, 1).get(0).value()), "the megabyte differs");
        }
    }

    private static void idempotentOrder(Context context) throws Exception {
        String topic = context.topic(1);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        Map<String, Object> config = Map.of("enable.idempotence", true, "batch.size", 200, "linger.ms", 0);
        try (KafkaProducer<byte[], byte[]> producer = context.producer(config)) {
            for (int n = 0; n < 2000; n++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, null, bytes("" + n))));
            }
        }
        for (int n = 0; n < sent.size(); n++) {
            Context.same((long) n, sent.get(n).get().offset());
        }
    }

    private static void positions(Context context) throws Exception {
        String topic = context.topic(1);
        TopicPartition part = new TopicPartition(topic, 0);
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of("batch.size", 300))) {
            for (int n = 0; n < 100; n++) {
                producer.send(new ProducerRecord<>(topic, 0, START + 1000L * n, null, bytes("" + n)));
            }
        }
        try (KafkaConsumer<byte[], byte[]> consumer = context.consumer(Map.of())) {
            consumer.assign(List.of(part));
            Context.same(Map.of(part, 0L), consumer.beginningOffsets(List.of(part)));
            Context.same(Map.of(part, 100L), consumer.endOffsets(List.of(part)));
            for (long offset : new long[] {0, 1, 37, 99}) {
                consumer.seek(part, offset);
                Context.same(offset, context.read(consumer, 1).get(0).offset());
                OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(part, START + 1000 * offset - 500)).get(part);
                Context.same(offset, found.offset());
                Context.same(START + 1000 * offset, found.timestamp());
            }
            Context.same(null, consumer.offsetsForTimes(Map.of(part, START + 1_000_000L)).get(part));
            consumer.seekToEnd(List.of(part));
            Context.same(100L, consumer.position(part));
        }
    }

    private static void tooLarge(Context context) throws Exception {
        String topic = context.topic(1);
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of())) {
            byte[] big = new byte[1_500_000];
            Context.fails(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, 0, null, big)).get());
            Context.same(0L, producer.send(new ProducerRecord<>(topic, 0, null, bytes("fits"))).get().offset());
        }
    }

    private static void autoCreation(Context context) throws Exception {
        String topic = context.unique();
        try (KafkaProducer<byte[], byte[]> producer = context.producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, bytes("first"))).get();
            Context.same(4, producer.partitionsFor(topic).size());
        }
    }

    private ProduceConsumeStories() {}
}
