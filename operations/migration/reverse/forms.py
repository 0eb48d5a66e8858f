"""From what PostgreSQL holds to what a server stores in SQLite, as expressions of PostgreSQL's SQL."""

from collections.abc import Mapping

from psycopg import sql

from ..normal import UNSIGNED_ZERO
from ..target import TargetColumn

# Microsoft.Data.Sqlite's own forms: GUIDs in upper case, times without zone and without zeros at the end, booleans as
# numbers; and Entity Framework's for a list, which is JSON. Npgsql writes .NET's smallest and greatest date as
# infinities.
_FORMS: Mapping[str, str] = {
    "uuid": "upper({c}::text)",
    "timestamp with time zone": "CASE {c} WHEN '-infinity' THEN '0001-01-01 00:00:00'"
    " WHEN 'infinity' THEN '9999-12-31 23:59:59.9999999'"
    " ELSE rtrim(rtrim(to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '0'), '.') END",
    "boolean": "{c}::int",
    # Without the sign of a zero, which SQLite leaves out too when it stores one in a column of numbers.
    "real": f"({UNSIGNED_ZERO['real']})::float8",
    "double precision": UNSIGNED_ZERO["double precision"],
    "bigint[]": "'[' || array_to_string({c}, ',') || ']'",
}


def stored_form(column: TargetColumn) -> sql.Composed:
    """What to select so that SQLite can store it as it comes."""
    # The forms are the ones above; only the name comes from elsewhere.
    form = _FORMS.get(column.type, "{c}")
    return sql.SQL(form).format(c=sql.Identifier(column.name))  # pyright: ignore[reportArgumentType]
