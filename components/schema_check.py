"""What keeps a server from a schema that is not its version's."""

import pulumi
import pulumi_kubernetes as k8s

from .common import DATABASE_VARIABLES, container_security, secret_environment

# `jellyfin_ha.schema_version` notes, for each image whose schema upgrade has ended well, what Jellyfin's history of
# migrations held then. A server with another history would migrate beside others or revert what a newer one did.
SCRIPT = """\
set -eu
export PGHOST="$POSTGRES_HOST" PGPORT="$POSTGRES_PORT" PGDATABASE="$POSTGRES_DB"
export PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD" PGCONNECT_TIMEOUT=5
found=$(psql --no-psqlrc --quiet -At -v ON_ERROR_STOP=1 -v image="$SERVER_IMAGE" <<'SQL'
SELECT coalesce((SELECT CASE WHEN prepared.migrations = history.ids THEN 'fits'
                             WHEN prepared.migrations <@ history.ids THEN 'newer' ELSE 'older' END
                 FROM jellyfin_ha.schema_version prepared WHERE prepared.image = :'image'), 'unknown')
FROM (SELECT array_agg("MigrationId"::text ORDER BY "MigrationId") AS ids FROM public."__EFMigrationsHistory") history
SQL
)
case "$found" in
  fits) exit 0 ;;
  newer) echo "the database is newer than $SERVER_IMAGE, which would damage it" ;;
  older) echo "the database lacks migrations of $SERVER_IMAGE, which must not make them beside other servers" ;;
  *) echo "the schema upgrade of $SERVER_IMAGE has not ended well on this database" ;;
esac
echo "run the update of the stack again: it prepares the database, alone, before servers start"
exit 1
"""


def schema_check(
    *, server_image: pulumi.Input[str], database_image: pulumi.Input[str], database_secret: pulumi.Input[str]
) -> k8s.core.v1.ContainerArgs:
    """An init container that ends well only when the database's schema was prepared for `server_image`.

    Args:
        server_image: of the server that wants to start.
        database_image: an image with psql.
        database_secret: the Secret with the database's credentials.
    """
    return k8s.core.v1.ContainerArgs(
        name="schema-check",
        image=database_image,
        command=["sh", "-c", SCRIPT],
        env=[
            *secret_environment(database_secret, DATABASE_VARIABLES),
            k8s.core.v1.EnvVarArgs(name="SERVER_IMAGE", value=server_image),
        ],
        security_context=container_security(),
    )
