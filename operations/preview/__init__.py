"""What a change of a stack would do, told to people: `pulumi preview --json` read, judged and written as Markdown."""

from .changes import Change, Property, changes_of
from .digest import Preview, read_preview
from .judgement import Judgement, Risk, judge
from .markdown import LIMIT, SETTING, render
from .rules import Flag

__all__ = [
    "LIMIT",
    "SETTING",
    "Change",
    "Flag",
    "Judgement",
    "Preview",
    "Property",
    "Risk",
    "changes_of",
    "judge",
    "read_preview",
    "render",
]
