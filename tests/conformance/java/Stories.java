import java.util.Map;
import java.util.TreeMap;

/**
 * Stories told with Apache Kafka's own Java client: `java Stories HOST:PORT STORY` ends with 0 if the story comes true.
 * `java Stories` lists the stories. Each makes topics and groups with names of its own.
 */
public final class Stories {
    interface Story {
        void tell(Context context) throws Exception;
    }

    private static final Map<String, Story> ALL = new TreeMap<>();

    static {
        ProduceConsumeStories.addTo(ALL);
        GroupStories.addTo(ALL);
        AdminStories.addTo(ALL);
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 0) {
            ALL.keySet().forEach(System.out::println);
            return;
        }
        try (Context context = new Context(args[0])) {
            ALL.get(args[1]).tell(context);
        } catch (Throwable failed) {
            failed.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    private Stories() {}
}
