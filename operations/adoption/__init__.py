"""Moves a single server's configuration folder to the volume of the new ones, without changing it.

`survey` looks at everything and writes nothing; `run` copies what is missing; `as_report` tells it to programs.
"""

from ..naming import shown, size
from .destination import Destination
from .journal import Move
from .layout import Layout
from .media import MediaRoot, PathCheck, parse_media
from .ownership import Owner, parse_owner
from .path_groups import PathGroup
from .plugin_databases import MEANING as PLUGIN_DATABASES_MEAN
from .plugin_databases import PluginDatabase
from .report import REPORT_VERSION, as_report
from .rules import JOURNAL, RULES, Rule
from .selection import Group, Selection
from .settings import Finding, NewServers
from .surveying import Request, Survey, survey
from .transfer import Outcome, run

__all__ = [
    "JOURNAL",
    "PLUGIN_DATABASES_MEAN",
    "REPORT_VERSION",
    "RULES",
    "Destination",
    "Finding",
    "Group",
    "Layout",
    "MediaRoot",
    "Move",
    "NewServers",
    "Outcome",
    "Owner",
    "PathCheck",
    "PathGroup",
    "PluginDatabase",
    "Request",
    "Rule",
    "Selection",
    "Survey",
    "as_report",
    "parse_media",
    "parse_owner",
    "run",
    "shown",
    "size",
    "survey",
]
