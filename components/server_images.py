"""What the server images that are known here read and can do: the one table that docs/server.md repeats.

An image's reference does not tell, so each is named by its flavor. The environment variables and keys are those of the
images' own code: Jellyfin 10.11, JPVenson's Jellyfin.Pgsql, and the forks ZoltyMat/jellyfin-ha and
Nichols-HomeLab/jellyfin-ha at the same version.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CONFIG_WITH_PLUGIN = """\
<?xml version="1.0" encoding="utf-8"?>
<DatabaseConfigurationOptions>
  <DatabaseType>PLUGIN_PROVIDER</DatabaseType>
  <CustomProviderOptions>
    <PluginName>PostgreSQL</PluginName>
    <PluginAssembly>Jellyfin.Plugin.Pgsql.dll</PluginAssembly>
    <ConnectionString></ConnectionString>
  </CustomProviderOptions>
  <LockingBehavior>NoLock</LockingBehavior>
</DatabaseConfigurationOptions>
"""
CONFIG_BUILT_IN = """\
<?xml version="1.0" encoding="utf-8"?>
<DatabaseConfigurationOptions>
  <DatabaseType>Jellyfin-PostgreSQL</DatabaseType>
  <LockingBehavior>NoLock</LockingBehavior>
</DatabaseConfigurationOptions>
"""

# Where JPVenson's image keeps the plugin, and its file that database.xml names.
PLUGIN_FOLDER = "/jellyfin-pgsql/plugin"
PLUGIN_FILE = "Jellyfin.Plugin.Pgsql.dll"


@dataclass(frozen=True, slots=True)
class ServerFlavor:
    """A kind of server image.

    Args:
        name: the value of the setting `server.flavor`.
        database_xml: the content of database.xml, which never holds a password; None leaves the file to the server,
            which then uses SQLite.
        plugin_folder: where the image keeps the PostgreSQL plugin; None when it needs none.
        connection_string: whether it reads POSTGRES_CONNECTION_STRING beside POSTGRES_HOST and its like.
        stores_transcodes: whether it records its transcodes in Redis, under `jellyfin:transcode:*` and
            `jellyfin:livestream:*`.
        takes_over: whether a server claims the record of a transcode whose server died, and goes on. Each still empties
            its transcode folder at its first playback: this alone does not make a shared folder safe.
        elects: whether one of the servers is elected to run the scheduled tasks.
    """

    name: str
    database_xml: str | None
    plugin_folder: str | None = None
    connection_string: bool = False
    stores_transcodes: bool = False
    takes_over: bool = False
    elects: bool = False

    @property
    def postgres(self) -> bool:
        """Whether it keeps its data in PostgreSQL, which more than one server can use."""
        return self.database_xml is not None


DEFAULT_FLAVOR = "pgsql-plugin"

# None of them shares log-in tokens between processes: each reads them once, when it starts.
FLAVORS: Mapping[str, ServerFlavor] = {
    flavor.name: flavor
    for flavor in (
        ServerFlavor("sqlite", None),
        ServerFlavor(DEFAULT_FLAVOR, CONFIG_WITH_PLUGIN, PLUGIN_FOLDER),
        # It has the code of a take-over, which nothing calls.
        ServerFlavor("zolty-fork", CONFIG_BUILT_IN, None, connection_string=True, stores_transcodes=True),
        # Its own PostgreSQL provider lacks migrations of 10.11.11, so it is used with the plugin.
        ServerFlavor(
            "nichols-fork",
            CONFIG_WITH_PLUGIN,
            PLUGIN_FOLDER,
            connection_string=True,
            stores_transcodes=True,
            takes_over=True,
            elects=True,
        ),
    )
}


def flavor(name: str) -> ServerFlavor:
    """The flavor of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in FLAVORS:
        raise ValueError(f"server flavor: expected one of {', '.join(FLAVORS)}, found {name!r}")
    return FLAVORS[name]
