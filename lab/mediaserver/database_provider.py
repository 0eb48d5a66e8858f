"""Which database a server would use: `database.xml`, as Jellyfin reads it."""

from pathlib import Path
from xml.etree import ElementTree

from jellyfin_ha.operations.errors import UserError

PLUGIN = "PLUGIN_PROVIDER"
BUILT_IN = "Jellyfin-PostgreSQL"

# What a .NET process ends with when it aborts.
ABORTED = 134


def check_provider(config_dir: Path, plugins_dir: Path) -> None:
    """Looks whether Jellyfin would use PostgreSQL here. Without a database.xml this server goes on; Jellyfin would not.

    Args:
        config_dir: the folder of the XML files.
        plugins_dir: the folder of the plugins' folders.

    Raises:
        UserError: exit code 134; the plugin that the file names is not there, or the file names another database, or
            none: Jellyfin then makes an empty SQLite library, which this server does not have.
    """
    try:
        root = ElementTree.fromstring((config_dir / "database.xml").read_text("utf-8-sig"))
    except FileNotFoundError:
        return
    except ElementTree.ParseError as error:
        raise _sqlite(f"a malformed file: {error}") from None
    kind = root.findtext("DatabaseType", "")
    if kind == BUILT_IN:
        return
    if kind != PLUGIN:
        raise _sqlite(kind or "no DatabaseType")
    name = root.findtext("CustomProviderOptions/PluginName", "")
    assembly = root.findtext("CustomProviderOptions/PluginAssembly", "")
    folders = sorted(plugins_dir.iterdir()) if plugins_dir.is_dir() else []
    folder = next((folder for folder in folders if folder.name.lower().startswith(name.lower())), None)
    if folder is None or not (folder / assembly).is_file():
        raise UserError(
            f"database.xml names the plugin {name}: expected {assembly} in {plugins_dir}/{name}*, found none",
            exit_code=ABORTED,
        )


def _sqlite(found: str) -> UserError:
    return UserError(
        f"database.xml: expected {PLUGIN} or {BUILT_IN}, found {found}: Jellyfin would go on with an empty SQLite",
        exit_code=ABORTED,
    )
