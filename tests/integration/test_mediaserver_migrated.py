"""From a new server through the migration to the sample's users."""

from __future__ import annotations

import psycopg
import pytest

from jellyfin_ha.lab.library.values import sample_token
from jellyfin_ha.operations.migration import migrate
from tests.integration.mediaserver_processes import logged_in, media_server, sample_library
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration


def test_the_sample_is_migrated_into_what_a_new_server_made_and_is_served(postgres_server: PostgresServer) -> None:
    with postgres_server.role() as (role, password), postgres_server.database(owner=role) as name:
        conninfo = postgres_server.conninfo(name, user=role, password=password)
        with media_server(conninfo):
            pass
        result = migrate(sample_library().database, conninfo)
        assert not result.already_migrated
        assert result.rows > 100

        with media_server(conninfo) as server:
            assert "it knows 3 tokens" in server.log
            client = logged_in(server.url, "bob", "bob-sample", "bobs-tv")
            assert [item["Name"] for item in client.jellyfin.get_resume_items()["Items"]] == ["Test Card"]
            views = [view["Name"] for view in client.jellyfin.get_views()["Items"]]
            assert views == ["Movies", "Shows"]
        with psycopg.connect(conninfo) as connection:
            kept = connection.execute(
                'SELECT count(*) FROM "Devices" WHERE "AccessToken" = %s', (sample_token("sample-phone"),)
            ).fetchone()
        assert kept == (1,)
