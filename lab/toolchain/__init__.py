"""The programs that no package registry holds ready made: Pulumi's engine and Kubernetes, built once and kept.

They lie under `cache_folder()/toolchain`: one folder a module, named after the hash of all that decides what comes
out, and one folder of links to all of them.
"""

from .builder import ensure
from .engine import Toolchain
from .launcher import write_launcher

__all__ = ["Toolchain", "ensure", "write_launcher"]
