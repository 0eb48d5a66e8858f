"""What is run in PostgreSQL's own pod: its programs fit its version, and a dump need not leave the cluster.

All take the environment of the official image (POSTGRES_USER, POSTGRES_DB, PGDATA) and its trust in the pod's own
socket. Dumps lie beside the data, on the same volume: they undo a failed upgrade, and are no backup.
"""

# Before each script: where dumps are, and how to ask the database.
COMMON = """
set -eu
umask 077
folder="${PGDATA%/*}/upgrades"
mkdir -p "$folder"
export PGOPTIONS='--client-min-messages=warning'
ask() { psql --username="$POSTGRES_USER" --dbname="$1" --no-psqlrc --quiet -At -v ON_ERROR_STOP=1 --command="$2"; }
"""

# Result: the database's size and the space left on its volume, in bytes.
SPACE = """
size=$(ask "$POSTGRES_DB" 'SELECT pg_database_size(current_database())')
free=$(df -Pk "$PGDATA" | awk 'END { print $4 }')
echo "$size" $((free * 1024))
"""

# Dump the database to $name: whole, on the disk, or not at all. Tells how far it is each second.
DUMP = """
rm -f "$folder"/*.part
pg_dump --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --format=custom --file="$folder/$name.part" &
dumping=$!
while kill -0 "$dumping" 2>/dev/null; do
  sleep 0.5
  echo "dumping the database: $(du -k "$folder/$name.part" 2>/dev/null | cut -f1) KiB written" >&2
done
wait "$dumping"
sync "$folder/$name.part"
mv "$folder/$name.part" "$folder/$name"
"""

# Put $name in the database's place. What is there stays until all of the dump is back beside it: both renames are one
# transaction, and a script that ended half-way can be run again.
RESTORE = """
test -f "$folder/$name" || { echo "there is no dump $folder/$name" >&2; exit 1; }
new="${POSTGRES_DB}_restored"
old="${POSTGRES_DB}_failed"
ask postgres "DROP DATABASE IF EXISTS \\"$new\\" WITH (FORCE)"
owner=$(ask postgres "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$POSTGRES_DB'")
ask postgres "CREATE DATABASE \\"$new\\" OWNER \\"$owner\\" TEMPLATE template0"
echo "putting back $name" >&2
pg_restore --username="$POSTGRES_USER" --dbname="$new" --exit-on-error --single-transaction "$folder/$name" || {
  ask postgres "DROP DATABASE IF EXISTS \\"$new\\" WITH (FORCE)"
  exit 1
}
ask postgres "DROP DATABASE IF EXISTS \\"$old\\" WITH (FORCE)"
ask postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$POSTGRES_DB'" > /dev/null
ask postgres "ALTER DATABASE \\"$POSTGRES_DB\\" RENAME TO \\"$old\\";
  ALTER DATABASE \\"$new\\" RENAME TO \\"$POSTGRES_DB\\""
ask postgres "DROP DATABASE \\"$old\\" WITH (FORCE)"
"""

# Delete all dumps but the newest $keep.
PRUNE = """
ls -t "$folder" | awk -v keep="$keep" 'NR > keep' | while read -r old; do rm -f "$folder/$old"; done
"""


def script(body: str, **variables: str) -> str:
    """A whole script, with shell variables that need no quoting."""
    return "".join(f"{name}='{value}'\n" for name, value in variables.items()) + COMMON + body
