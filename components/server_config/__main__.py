"""`python3 -m server_config DECLARED DATA OWN`: the init container of a server's pod."""

import sys
from functools import partial
from pathlib import Path

from .declared import Declared
from .prepare import prepare
from .problem import CannotStart


def main(declared: str, data: str, own: str) -> int:
    """Prepares a server's folders.

    Args:
        declared: the file with the declared settings.
        data: the server's data folder.
        own: the pod's own folder.

    Returns:
        0 done; 1 the server must not start, or a file cannot be read or written: nothing was lost.
    """
    try:
        settings = Declared.from_json(Path(declared).read_text("utf-8"))
        prepare(Path(data), Path(own), settings, say=partial(print, flush=True))
    except (CannotStart, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("the server's folders are as declared")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
