import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import javax.security.sasl.AuthenticationException;
import org.apache.hive.service.auth.PasswdAuthenticationProvider;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import scala.collection.JavaConverters;

/** The parser of clients' sessions: what they say is asked for (`thrift.py`) before it is parsed. In Janino's Java. */
public class SparkhouseSqlServer {
    /** Sessions of ours, whose statements are not asked for. */
    public static final Map OWN = new java.util.concurrent.ConcurrentHashMap();
    private static Map usualSettings;

    public static class Extensions extends scala.runtime.AbstractFunction1 {
        private final Function asked;
        private final Set mayDiffer;

        public Extensions(Function asked, Set mayDiffer) {
            this.asked = asked;
            this.mayDiffer = mayDiffer;
        }

        public Object apply(Object extensions) {
            ((SparkSessionExtensions) extensions).injectParser(new Parsers(asked, mayDiffer));
            return scala.runtime.BoxedUnit.UNIT;
        }
    }

    /** Makes the parser of each session; the first session is ours. */
    public static class Parsers extends scala.runtime.AbstractFunction2 {
        private final Function asked;
        private final Set mayDiffer;
        private SparkSession first;

        public Parsers(Function asked, Set mayDiffer) {
            this.asked = asked;
            this.mayDiffer = mayDiffer;
        }

        public Object apply(Object session, Object parser) {
            if (first == null) { first = (SparkSession) session; }
            if (session == first) { return parser; }
            Class[] kinds = new Class[] {ParserInterface.class};
            Asking asking = new Asking(asked, mayDiffer, first, (SparkSession) session, parser);
            return Proxy.newProxyInstance(getClass().getClassLoader(), kinds, asking);
        }
    }

    public static class Asking implements InvocationHandler {
        private final Function asked;
        private final Set mayDiffer;
        private final SparkSession first;
        private final SparkSession session;
        private final Object parser;

        public Asking(Function asked, Set mayDiffer, SparkSession first, SparkSession session, Object parser) {
            this.asked = asked;
            this.mayDiffer = mayDiffer;
            this.first = first;
            this.session = session;
            this.parser = parser;
        }

        public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
            boolean isStatement = method.getName().equals("parsePlan") || method.getName().equals("parseQuery");
            if (isStatement && !OWN.containsKey(session)) {
                String setting = ownSetting();
                // To ask for the schema opens the catalog, by the session's settings.
                String schema = setting == null ? session.catalog().currentDatabase() : "";
                String answer = (String) asked.apply(new Object[] {arguments[0], setting, schema});
                if (answer.startsWith("-")) { throw new Refused(answer.substring(1)); }
                arguments = new Object[] {answer.substring(1)};
            }
            try {
                return method.invoke(parser, arguments);
            } catch (InvocationTargetException error) {
                throw error.getCause();
            }
        }

        /** A setting of Spark that the client has and a new session has not, or null. */
        private String ownSetting() {
            Map usual = usual(first);
            Iterator settings = JavaConverters.mapAsJavaMap(session.conf().getAll()).entrySet().iterator();
            while (settings.hasNext()) {
                Map.Entry setting = (Map.Entry) settings.next();
                boolean isUsual = setting.getValue().equals(usual.get(setting.getKey()));
                if (!isUsual && !mayDiffer.contains(setting.getKey())) { return (String) setting.getKey(); }
            }
            return null;
        }
    }

    private static synchronized Map usual(SparkSession first) {
        if (usualSettings == null) { usualSettings = JavaConverters.mapAsJavaMap(first.newSession().conf().getAll()); }
        return usualSettings;
    }

    /** Whoever knows the password is let in, under whatever name. The Thrift Server makes one for each caller. */
    public static class Authenticator implements PasswdAuthenticationProvider {
        public static volatile String password;

        public void Authenticate(String user, String given) throws AuthenticationException {
            boolean isKnown = given != null && password != null
                && MessageDigest.isEqual(bytes(given), bytes(password));
            if (!isKnown) { throw new AuthenticationException("The password is not the server's."); }
        }

        private static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }
    }

    /** Clients are shown its text as it is. */
    public static class Refused extends RuntimeException {
        public Refused(String message) { super(message); }

        public String toString() { return getMessage(); }
    }
}
