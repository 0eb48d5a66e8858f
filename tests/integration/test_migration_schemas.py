"""Other schemas than the one the tool was made with: another version's, a fork's, and what an administrator added."""

from __future__ import annotations

import csv
import difflib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from jellyfin_ha.lab.mediaserver.schema import Column, ForeignKey, Index, Model, Table, load_model
from jellyfin_ha.lab.mediaserver.schema.ddl import postgres_ddl
from jellyfin_ha.operations import migration
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration import Options, RefusedError, migrate
from jellyfin_ha.operations.migration.reverse import reverse
from tests.integration.conftest import ServerTemplate
from tests.integration.migration_library import (
    Library,
    as_declared,
    make_library,
    read_rows,
    require_held,
    run,
    state,
)
from tests.integration.processes import PostgresServer, postgres_binary

pytestmark = pytest.mark.integration

NEWER = "12.0-rc5"


def _code_migrations(version: str) -> tuple[str, ...]:
    text = Path(migration.__file__).with_name("code_migrations.csv").read_text("utf-8")
    return tuple(row["migration_id"] for row in csv.DictReader(text.splitlines()) if row["version"] == version)


def _newer(model: Model) -> Model:
    """The schema of 12.0-rc5: what it added, changed and dropped."""

    def column(table: str, name: str, pg_type: str, *, nullable: bool = False, key: int | None = None) -> Column:
        sqlite_type = "TEXT" if pg_type in ("uuid", "text") else "INTEGER"
        return Column(table, name, sqlite_type, pg_type, nullable=nullable, key_position=key, identity=False)

    def items(name: str, table: str) -> ForeignKey:
        return ForeignKey(f"FK_{table}_BaseItems_{name}", table, name, "BaseItems", "Id")

    def changed(table: Table) -> Table:
        if table.name == "MediaStreamInfos":
            return replace(table, columns=(*table.columns, column(table.name, "IsOriginal", "boolean")))
        if table.name != "BaseItems":
            return table
        kept = tuple(
            replace(found, pg_type="uuid") if found.name in ("OwnerId", "PrimaryVersionId") else found
            for found in table.columns
            if found.name != "ExtraIds"
        )
        return replace(
            table,
            columns=(*kept, column(table.name, "OriginalLanguage", "text", nullable=True)),
            foreign_keys=(*table.foreign_keys, items("OwnerId", table.name)),
        )

    linked = "LinkedChildren"
    children = Table(
        linked,
        (
            column(linked, "ParentId", "uuid", key=1),
            column(linked, "SortOrder", "integer", key=2),
            column(linked, "ChildId", "uuid"),
            column(linked, "ChildType", "integer"),
        ),
        (items("ParentId", linked), items("ChildId", linked)),
    )
    indexes = [index for index in model.indexes if index.table != "MediaStreamInfos"]
    indexes += [
        Index(f"IX_{table}_{'_'.join(names)}", table, names, unique=False, filter_column=None)
        for table, names in (
            (linked, ("ChildId",)),
            (linked, ("ParentId", "ChildType")),
            ("BaseItems", ("OwnerId",)),
            ("BaseItems", ("PrimaryVersionId",)),
            ("BaseItems", ("TopParentId", "Type", "IsVirtualItem", "DateCreated")),
        )
    ]
    return replace(
        model,
        tables=(*map(changed, model.tables), children),
        indexes=tuple(indexes),
        code_migrations=_code_migrations(NEWER),
    )


@pytest.fixture
def newer_target(postgres_server: PostgresServer, new_server: ServerTemplate) -> Iterator[str]:
    """A database as a new server of the newer version leaves it, without any row."""
    model = _newer(load_model())
    with postgres_server.database(owner=new_server.role) as name:
        target = postgres_server.conninfo(name, user=new_server.role, password=new_server.password)
        with psycopg.connect(target) as connection:
            for statement in postgres_ddl(model):
                connection.execute(as_declared(statement).encode())
            history = [(identifier, "10.0.0") for identifier in model.postgres_migrations]
            history += [(identifier, "12.0.0.0") for identifier in model.code_migrations]
            with connection.cursor() as cursor:
                cursor.executemany('INSERT INTO "__EFMigrationsHistory" VALUES (%s, %s)', history)
        yield target


@pytest.fixture
def newer_library(tmp_path: Path) -> Library:
    folder = tmp_path / "newer"
    folder.mkdir()
    return make_library(folder / "jellyfin.db", rows=6, model=_newer(load_model()))


def test_the_newer_schema_is_another_one() -> None:
    model = _newer(load_model())
    assert len(_code_migrations(NEWER)) > len(load_model().code_migrations)
    assert sum(len(table.columns) for table in model.tables) == 309 + 4 + 1
    assert sum(len(table.foreign_keys) for table in model.tables) == 25 + 3


def test_a_library_of_a_newer_version_arrives_whole_and_its_schema_stays(
    newer_library: Library, newer_target: str
) -> None:
    before = state(newer_target)
    result = migrate(newer_library.path, newer_target)
    require_held(newer_target, newer_library.held, _newer(load_model()))
    after = state(newer_target)
    for what in ("constraints", "indexes", "__EFMigrationsHistory"):
        assert after[what] == before[what]
    assert "ON DELETE" not in next(row[2] for row in after["constraints"] if "OwnerId" in row[1])  # type: ignore[attr-defined]
    assert (result.record.versions["source"], result.record.versions["target"]) == (NEWER, NEWER)
    assert result.differences == ()


def test_an_owner_that_is_gone_is_cleared_on_request(newer_library: Library, newer_target: str) -> None:
    nobody = "0badf00d-0000-0000-0000-000000000000"
    newer_library.execute(f"""UPDATE "BaseItems" SET "OwnerId" = '{nobody.upper()}' WHERE rowid = 2""")  # noqa: S608
    with pytest.raises(RefusedError, match=f"column OwnerId: refers to {nobody}"):
        migrate(newer_library.path, newer_target)
    result = migrate(newer_library.path, newer_target, options=Options(repair=True))
    assert [(repair["column"], repair["rule"]) for repair in result.repairs] == [("OwnerId", "cleared")]


def test_a_library_of_a_newer_version_comes_back(newer_library: Library, newer_target: str, tmp_path: Path) -> None:
    migrate(newer_library.path, newer_target)
    reverse(newer_target, tmp_path / "back.db", newer_library.path)
    assert not migrate(tmp_path / "back.db", newer_target, options=Options(replace=True)).already_migrated
    require_held(newer_target, newer_library.held, _newer(load_model()))


def test_neither_version_is_taken_for_the_other(
    library: Library, target: str, newer_library: Library, newer_target: str
) -> None:
    for source, place, words in (
        (library, newer_target, f"Upgrade the source server to {NEWER} first"),
        (newer_library, target, f"Make the target with a server image of version {NEWER}"),
    ):
        before = state(place)
        with pytest.raises(UserError, match=words):
            migrate(source.path, place)
        assert state(place) == before


def test_a_fork_without_normalized_user_names_loses_nothing(library: Library, target: str) -> None:
    run(target, 'ALTER TABLE "Users" DROP COLUMN "NormalizedUsername"')
    result = migrate(library.path, target)
    assert result.differences == ("column Users.NormalizedUsername: only in the source",)
    held = {
        row["Id"]: {name: row[name] for name in row if name != "NormalizedUsername"} for row in library.held["Users"]
    }
    assert {row["Id"]: row for row in read_rows(target, "Users")} == held


# What an administrator may have added. Each is the same afterwards, by pg_dump's account.
EXTRAS = """
COMMENT ON TABLE "Users" IS 'people';
COMMENT ON COLUMN "Users"."Id" IS 'who';
COMMENT ON INDEX "IX_Users_Username" IS 'by name';
COMMENT ON CONSTRAINT "PK_Users" ON "Users" IS 'key';
COMMENT ON INDEX "PK_Devices" IS 'index of a key';
COMMENT ON CONSTRAINT "FK_Devices_Users_UserId" ON "Devices" IS 'whose';
ALTER TABLE "ApiKeys" CLUSTER ON "PK_ApiKeys";
ALTER TABLE "ActivityLogs" REPLICA IDENTITY FULL;
ALTER TABLE "Permissions" REPLICA IDENTITY USING INDEX "PK_Permissions";
ALTER TABLE "ItemValues" REPLICA IDENTITY USING INDEX "IX_ItemValues_Type_Value";
ALTER INDEX "IX_Peoples_Name" SET (fillfactor = 70);
ALTER INDEX "PK_Peoples" SET (fillfactor = 71);
ALTER TABLE "Peoples" SET (fillfactor = 72, autovacuum_enabled = false);
ALTER TABLE "Peoples" ALTER COLUMN "Name" SET STATISTICS 7;
ALTER TABLE "Users" ALTER COLUMN "CastReceiverId" SET STORAGE EXTERNAL;
ALTER TABLE "Peoples" ALTER COLUMN "Name" SET COMPRESSION pglz;
CREATE INDEX extra_expression ON "Peoples" (lower("Name") COLLATE "C" DESC NULLS LAST, "Id") INCLUDE ("PersonType")
    WHERE "PersonType" IS NOT NULL;
CREATE INDEX extra_statistics ON "Peoples" ((upper("Name")));
ALTER INDEX extra_statistics ALTER COLUMN 1 SET STATISTICS 99;
CREATE INDEX extra_hash ON "Peoples" USING hash ("Name");
CREATE INDEX extra_gin ON "KeyframeData" USING gin ("KeyframeTicks");
CREATE INDEX extra_brin ON "ActivityLogs" USING brin ("DateCreated") WITH (pages_per_range = 8);
CREATE INDEX extra_pattern ON "BaseItems" ("Name" text_pattern_ops);
CREATE UNIQUE INDEX extra_nulls ON "Users" ("Id", "CastReceiverId") NULLS NOT DISTINCT;
CREATE INDEX "Odd ""name"" %s {x}" ON "Users" ("Id");
CREATE INDEX extra_extension ON "Users" ("InternalId");
ALTER INDEX extra_extension DEPENDS ON EXTENSION plpgsql;
ALTER TABLE "DeviceOptions" ADD CONSTRAINT extra_unique UNIQUE ("Id", "DeviceId") DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE "DeviceOptions" ADD CONSTRAINT extra_check CHECK ("Id" > 0) NOT VALID;
ALTER TABLE "DeviceOptions" ADD CONSTRAINT extra_exclude EXCLUDE USING btree ("Id" WITH =);
COMMENT ON CONSTRAINT extra_unique ON "DeviceOptions" IS 'twice';
CREATE TABLE extra_child ("Device" text, CONSTRAINT extra_reference FOREIGN KEY ("Device")
    REFERENCES "ApiKeys" ("AccessToken") ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
COMMENT ON CONSTRAINT extra_reference ON extra_child IS 'what it is for';
ALTER TABLE "ItemValuesMap" ADD CONSTRAINT extra_not_valid FOREIGN KEY ("ItemId") REFERENCES "BaseItems" NOT VALID;
CREATE VIEW extra_view AS SELECT "Id", "Username", count(*) FROM "Users" GROUP BY "Id";
CREATE MATERIALIZED VIEW extra_materialized AS SELECT "Name" FROM "Peoples";
CREATE STATISTICS extra_statistics_object ON "Name", "PersonType" FROM "Peoples";
CREATE PUBLICATION extra_publication FOR TABLE "Users";
GRANT SELECT ON "Users" TO PUBLIC;
CREATE POLICY extra_policy ON "ImageInfos" USING (true);
ALTER TABLE "ImageInfos" ENABLE ROW LEVEL SECURITY;
CREATE RULE extra_rule AS ON DELETE TO "ImageInfos" DO INSTEAD NOTHING;
CREATE INDEX extra_place ON "BaseItems" ("Type") TABLESPACE {space};
ALTER INDEX "PK_Chapters" SET TABLESPACE {space};
"""


def _schema(server: PostgresServer, target: str) -> list[str]:
    command = [str(postgres_binary("pg_dump")), "--schema-only", "--schema=public", f"--dbname={target}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line for line in done.stdout.splitlines() if line and not line.startswith("\\")]


def test_what_an_administrator_added_stays_as_it_was(
    library: Library, target: str, postgres_server: PostgresServer
) -> None:
    admin = postgres_server.conninfo(str(conninfo_to_dict(target)["dbname"]))
    space = f"space_{conninfo_to_dict(target)['dbname']}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute(f"CREATE TABLESPACE {space} LOCATION ''".encode())
        connection.execute(f"GRANT CREATE ON TABLESPACE {space} TO PUBLIC".encode())
        for statement in EXTRAS.replace("{space}", space).split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        for table in ("extra_child", "extra_view", "extra_materialized"):
            kind = {"extra_child": "TABLE", "extra_view": "VIEW"}.get(table, "MATERIALIZED VIEW")
            connection.execute(f'ALTER {kind} {table} OWNER TO "{conninfo_to_dict(target)["user"]}"'.encode())
    try:
        before, rest = _schema(postgres_server, admin), state(target)
        migrate(library.path, target)
        changed = list(difflib.unified_diff(before, _schema(postgres_server, admin), n=0, lineterm=""))
        assert "\n".join(changed) == ""
        for what in ("constraints", "indexes"):
            assert state(target)[what] == rest[what]
        require_held(target, library.held)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP INDEX extra_place")
            connection.execute('ALTER INDEX "PK_Chapters" SET TABLESPACE pg_default')
            connection.execute(f"DROP TABLESPACE {space}".encode())
