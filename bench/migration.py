"""How fast the migration is, beside pgloader and beside the limit: psql's \\copy of text files that are ready.

    python -m bench.migration --items 100000 --rounds 3

All three fill the same new server's schema in the same PostgreSQL with the same library, one after the other, in each
round; the table shows medians and ratios. pgloader needs a load file with three repairs to load the data at all
(`pgloader.load`, `pgloader.lisp`); even then it leaves the numbering of keys wrong and verifies nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from rich import box
from rich.console import Console
from rich.table import Table

from jellyfin_ha.lab.library import write_sample_database
from jellyfin_ha.operations.migration.constraints import drop_foreign_keys
from jellyfin_ha.operations.migration.indexes import drop_indexes, read_indexes
from jellyfin_ha.operations.migration.session import connect
from jellyfin_ha.operations.migration.target import read_foreign_keys, read_tables
from jellyfin_ha.operations.progress import silent
from tests.integration.migration_library import make_fresh
from tests.integration.processes import PostgresServer, running_postgres

HERE = Path(__file__).parent
SETTINGS = {"fsync": "on", "shared_buffers": "1GB", "max_wal_size": "8GB", "wal_level": "replica"}
MIGRATE = """
import json, resource, sys
from pathlib import Path
from jellyfin_ha.operations.migration import migrate
result = migrate(Path(sys.argv[1]), sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"rows": result.rows, "seconds": result.record.report["seconds"], "peak_mib": peak}))
"""


@dataclass(frozen=True)
class Run:
    """One way, once: seconds in all, and the peak memory of the client in MiB where it was measured."""

    seconds: float
    peak_mib: int | None = None
    steps: dict[str, float] | None = None


class Bench:
    """One PostgreSQL, one library, one new server's schema to fill again and again."""

    def __init__(self, server: PostgresServer, library: Path, folder: Path) -> None:
        self._server = server
        self._library = library
        self._folder = folder
        self._files = folder / "text"
        self._template = "template_new_server"
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._template)))
        make_fresh(server.conninfo(self._template), folder)

    @contextmanager
    def target(self) -> Iterator[str]:
        """A new server's database; the disk is quiet when it starts."""
        with self._server.database(template=self._template) as name:
            with psycopg.connect(self._server.conninfo(), autocommit=True) as admin:
                admin.execute("CHECKPOINT")
            yield self._server.conninfo(name)

    def ours(self) -> Run:
        """The migration: copied, indexed, verified, analysed, in one transaction."""
        with self.target() as target:
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", MIGRATE, str(self._library), target],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            took = time.monotonic() - started
            if not self._files.exists():
                self._write_files(target)
        told = json.loads(done.stdout)
        return Run(took, told["peak_mib"], told["seconds"])

    def pgloader(self) -> Run:
        """pgloader with the repaired load file."""
        with self.target() as target:
            parts = conninfo_to_dict(target)
            load = self._folder / "pgloader.load"
            load.write_text(
                (HERE / "pgloader.load")
                .read_text()
                .replace("SOURCE", str(self._library))
                .replace("TARGET", f"postgresql://postgres@127.0.0.1:{parts['port']}/{parts['dbname']}")
            )
            started = time.monotonic()
            done = subprocess.run(
                [
                    "/usr/bin/time",
                    "-f",
                    "%M",
                    "pgloader",
                    "--no-ssl-cert-verification",
                    "-l",
                    str(HERE / "pgloader.lisp"),
                    str(load),
                ],
                check=True,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PGPASSWORD": self._server.password},
            )
            took = time.monotonic() - started
            self._require_all(target)
        return Run(took, int(done.stderr.split()[-1]) // 1024)

    def limit(self, toast: str) -> Run:
        """psql's \\copy of text files that need no conversion, then every index and key, in one transaction.

        Args:
            toast: how PostgreSQL compresses long values: `pglz`, its default, or `lz4`, which the migration chooses.
        """
        with self.target() as target:
            with connect(target) as connection:
                tables = set(read_tables(connection))
                keys = read_foreign_keys(connection)
                drop_foreign_keys(connection, keys)
                indexes = read_indexes(connection, tables)
                drop_indexes(connection, indexes)
            script = self._folder / "limit.sql"
            names = ", ".join(f'"{path.stem}"' for path in self._ready())
            lines = ["BEGIN;", "SET maintenance_work_mem = '256MB';", f"SET default_toast_compression = '{toast}';"]
            lines += [f"TRUNCATE {names};"]
            lines += [f"\\copy \"{path.stem}\" from '{path}' with (freeze)" for path in self._ready()]
            lines += [
                f'ALTER TABLE "{index.table}" ADD CONSTRAINT "{index.name}" {index.definition};'
                if index.primary
                else f"{index.definition};"
                for index in indexes
            ]
            lines += [f'ALTER TABLE "{key.table}" ADD CONSTRAINT "{key.name}" {key.definition};' for key in keys]
            script.write_text("\n".join([*lines, "COMMIT;"]))
            started = time.monotonic()
            subprocess.run(
                ["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file", str(script), target],
                check=True,
                capture_output=True,
            )
            return Run(time.monotonic() - started)

    def _ready(self) -> Sequence[Path]:
        return sorted(self._files.glob("*"))

    def _write_files(self, target: str) -> None:
        self._files.mkdir()
        with psycopg.connect(target) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '__EFMigrationsHistory'"
            ).fetchall()
            for (table,) in tables:
                copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
                with (self._files / table).open("wb") as content, connection.cursor().copy(copy) as rows:
                    for data in rows:
                        content.write(data)

    def _require_all(self, target: str) -> None:
        """pgloader ends well whatever it loses."""
        with psycopg.connect(target) as connection:
            for path in self._ready():
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(path.stem))
                (found,) = connection.execute(query).fetchone() or (0,)
                with path.open("rb") as content:
                    wanted = sum(1 for _ in content)
                if found != wanted:
                    raise RuntimeError(f"pgloader brought {found} of {wanted} rows of {path.stem}")


def main() -> None:
    """Run and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--library", type=Path, help="a jellyfin.db that is there already")
    chosen = arguments.parse_args()
    missing = [name for name in ("pgloader", "psql", "time") if not shutil.which(name)]
    if missing:
        sys.exit(f"expected the programs {', '.join(missing)}, found none: apt-get install pgloader postgresql time")
    with tempfile.TemporaryDirectory(prefix="jellyfin-ha-bench-") as name, running_postgres(SETTINGS) as server:
        folder = Path(name)
        library = chosen.library or folder / "jellyfin.db"
        if chosen.library is None:
            write_sample_database(library, items=chosen.items, progress=silent)
        bench = Bench(server, library, folder)
        ways: dict[str, Callable[[], Run]] = {
            "migration, verified": bench.ours,
            "pgloader, repaired": bench.pgloader,
            "\\copy of ready files": lambda: bench.limit("pglz"),
            "\\copy of ready files, lz4": lambda: bench.limit("lz4"),
        }
        runs: dict[str, list[Run]] = {way: [] for way in ways}
        # The first run also writes the files for \copy.
        order = list(ways.items())
        for number in range(chosen.rounds):
            # Nobody is always the one who warms the disk up.
            turn = number % len(order)
            for way, once in order[turn:] + order[:turn]:
                runs[way].append(once())
        rows = sum(sum(1 for _ in path.open("rb")) for path in (folder / "text").glob("*"))
        show(runs, rows, library.stat().st_size)


def show(runs: dict[str, list[Run]], rows: int, size: int) -> None:
    """Print medians and ratios."""
    ours = runs["migration, verified"]
    copy_only = [
        Run(run.seconds - run.steps["verification"] - run.steps["statistics"], run.peak_mib)
        for run in ours
        if run.steps is not None
    ]
    table = Table("way", "seconds", "rows/s", "speed to pgloader", "speed to \\copy", "client MiB", box=box.MARKDOWN)
    baseline = median(run.seconds for run in runs["pgloader, repaired"])
    limit = median(run.seconds for run in runs["\\copy of ready files"])
    for way, found in {"migration, copy alone": copy_only, **runs}.items():
        took = median(run.seconds for run in found)
        peaks = [run.peak_mib for run in found if run.peak_mib]
        table.add_row(
            way,
            f"{took:.1f}",
            f"{rows / took:,.0f}",
            f"{baseline / took:.2f}",
            f"{limit / took:.2f}",
            str(max(peaks)) if peaks else "",
        )
    console = Console(width=120)
    console.print(f"{rows:,} rows, SQLite file {size / 1e6:,.0f} MB, medians of {len(ours)} rounds", highlight=False)
    console.print(table)
    steps = ours[0].steps or {}
    medians = {step: median((run.steps or {})[step] for run in ours) for step in steps}
    console.print("steps of the migration: " + ", ".join(f"{step} {took:.1f} s" for step, took in medians.items()))


if __name__ == "__main__":
    main()
