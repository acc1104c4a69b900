import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;

/** A context that hands functions to tasks as they are (`quick_context.py`). In Janino's Java. */
public class SparkhouseContext extends SparkContext {
    public SparkhouseContext(SparkConf settings) { super(settings); }

    public Object clean(Object function, boolean isTried) { return function; }

    /** The elements of an RDD, partition after partition, while they are made: few of them are in memory at a time.
        Where tasks run in this JVM, for they hand them over in it. */
    public static class Pieces extends scala.collection.AbstractIterator implements Runnable {
        private static final Map OPEN = new ConcurrentHashMap();
        private static final Object END = new Object();
        private final BlockingQueue made = new ArrayBlockingQueue(4);
        private final String name = java.util.UUID.randomUUID().toString();
        private final RDD elements;
        private volatile boolean isClosed;
        private Object next;

        /** Begins in a thread of its own, which has the settings of this one: it may be cancelled with its jobs. */
        public Pieces(RDD elements) {
            this.elements = elements;
            OPEN.put(name, this);
            Thread making = new Thread(this, "pieces-" + name);
            making.setDaemon(true);
            making.start();
        }

        public void run() {
            try {
                scala.reflect.ClassTag kind = scala.reflect.ClassTag$.MODULE$.apply(Object.class);
                for (int part = 0; part < elements.getNumPartitions() && !isClosed; part++) {
                    scala.collection.Seq only = scala.collection.JavaConverters.asScalaBuffer(
                        java.util.Collections.singletonList(new Integer(part))).toList();
                    elements.sparkContext().runJob(elements, new Handing(name), only, kind);
                }
                hand(END);
            } catch (Throwable error) {
                hand(new Failure(error));
            } finally {
                OPEN.remove(name);
            }
        }

        /** Waits until there is room, or nobody reads on. */
        private void hand(Object piece) {
            try {
                while (!isClosed && !made.offer(piece, 100L, TimeUnit.MILLISECONDS)) { }
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                isClosed = true;
            }
        }

        public boolean hasNext() {
            try {
                while (next == null && !isClosed) { next = made.poll(100L, TimeUnit.MILLISECONDS); }
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
            if (next instanceof Failure) { org.apache.spark.unsafe.Platform.throwException(((Failure) next).cause); }
            return next != null && next != END;
        }

        public Object next() {
            hasNext();
            Object piece = next;
            next = null;
            return piece;
        }

        /** Nobody reads on: the partition that is being made ends early, and no other begins. */
        public void close() { isClosed = true; }
    }

    private static class Failure {
        private final Throwable cause;

        public Failure(Throwable cause) { this.cause = cause; }
    }

    /** What a task does with the elements of its partition. */
    public static class Handing extends scala.runtime.AbstractFunction1 implements java.io.Serializable {
        private final String name;

        public Handing(String name) { this.name = name; }

        public Object apply(Object elements) {
            Pieces pieces = (Pieces) Pieces.OPEN.get(name);
            scala.collection.Iterator made = (scala.collection.Iterator) elements;
            while (pieces != null && !pieces.isClosed && made.hasNext()) { pieces.hand(made.next()); }
            return null;
        }
    }
}
