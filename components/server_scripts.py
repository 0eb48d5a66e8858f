"""The few lines of shell that run in a server's own image, which has sh, cp, grep, ls and curl, and no Python."""

from .server_images import PLUGIN_FILE, ServerFlavor
from .server_pod import CONFIG, OWN, PORT

# As components/server_config/known_good.py and prepare.py name them.
SYSTEM = f"{CONFIG}/config/system.xml"
GOOD_SYSTEM = f"{CONFIG}/jellyfin-ha/known-good/config/system.xml"
SHARED_SET_UP = f"{CONFIG}/jellyfin-ha/set-up-completed"
OWN_SET_UP = f"{OWN}/set-up-completed"
OWN_ID = f"{OWN}/server-id"

PLUGINS = f"{CONFIG}/plugins"
OWN_PLUGINS = f"{OWN}/plugins"

COMPLETED = "<IsStartupWizardCompleted>true<"

# What people installed is copied, the image's own plugin comes from the image: a server deletes and rewrites files of
# its plugins when it starts, from which another one may be running. Their settings stay shared.
COPY_PLUGINS = f"""\
set -eu
mkdir -p {PLUGINS}/configurations {CONFIG}/config {CONFIG}/data
rm -rf {OWN_PLUGINS}
mkdir -p {OWN_PLUGINS}/configurations
for folder in {PLUGINS}/*/; do
  folder=${{folder%/}} name=${{folder##*/}}
  case $name in
    configurations | [Pp][Oo][Ss][Tt][Gg][Rr][Ee][Ss][Qq][Ll]*) ;;
    *)
      cp -R "$folder" "{OWN_PLUGINS}/$name"
      echo "plugin $name: copied from {PLUGINS}"
      ;;
  esac
done
"""

# Without its plugin a server would not start, and say so less plainly.
COPY_IMAGE_PLUGIN = """\
if [ ! -s {folder}/{file} ]; then
  echo "error: server.flavor {flavor} expects {folder}/{file} in the image, found none: choose another flavor" >&2
  exit 1
fi
cp -R {folder} {own}/PostgreSQL
echo "plugin PostgreSQL: copied from the image"
"""

# A container that is started again in its pod meets no init container: an open wizard is not let in here either.
START = f"""\
set -eu
if [ -e {OWN_SET_UP} ] && ! grep -q '{COMPLETED}' {SYSTEM}; then
  echo "system.xml does not say any more that the set-up was completed: the last good copy is put in its place" >&2
  grep -q '{COMPLETED}' {GOOD_SYSTEM}
  cp {GOOD_SYSTEM} "{SYSTEM}.$HOSTNAME.part"
  mv "{SYSTEM}.$HOSTNAME.part" {SYSTEM}
fi
exec /jellyfin/jellyfin
"""

# While a server starts or migrates, /health answers 200 with the body "Degraded": only the body tells.
READY = """\
set -eu
unfit() {{ echo "$1" >&2; exit 1; }}
[ "$(curl --silent --max-time 2 {url}/health)" = Healthy ]
info=$(curl --silent --max-time 2 {url}/System/Info/Public)
if [ -e {own_id} ]; then
  case $info in
    *"\\"Id\\":\\"$(cat {own_id})\\""*) ;;
    *) unfit "expected the server $(cat {own_id}), found $info" ;;
  esac
fi
case $info in
  *'"StartupWizardCompleted":true'*)
    # From now on an open wizard is a fault; a folder that cannot be written now is noted with the next probe.
    [ -e {own_set_up} ] || {{ touch {shared_set_up} && touch {own_set_up}; }} || true
    ;;
  *) [ ! -e {own_set_up} ] && [ ! -e {shared_set_up} ] || unfit "the set-up was completed, and this server offers it" ;;
esac
"""

# The file that a server has open which fell back to SQLite.
NOT_SQLITE = """\
if ls -l /proc/[0-9]*/fd 2> /dev/null | grep -q '/jellyfin\\.db'; then unfit "this server uses SQLite"; fi
"""


def copy_plugins(flavor: ServerFlavor) -> str:
    """Fills the pod's own plugin folder."""
    if flavor.plugin_folder is None:
        return COPY_PLUGINS
    return COPY_PLUGINS + COPY_IMAGE_PLUGIN.format(
        folder=flavor.plugin_folder, file=PLUGIN_FILE, flavor=flavor.name, own=OWN_PLUGINS
    )


def server_url(base_url: str) -> str:
    """Where a server answers inside its pod."""
    return f"http://127.0.0.1:{PORT}{base_url}"


def ready(flavor: ServerFlavor, base_url: str) -> str:
    """Whether clients may be sent here: a healthy server, the right one, set up, and on its database."""
    script = READY.format(
        url=server_url(base_url),
        own_id=OWN_ID,
        own_set_up=OWN_SET_UP,
        shared_set_up=SHARED_SET_UP,
    )
    return script + NOT_SQLITE if flavor.postgres else script
