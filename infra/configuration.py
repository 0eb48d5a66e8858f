"""Reading the stack's configuration, inside a running program and from its file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

import yaml

from jellyfin_ha.operations.errors import UserError

from .settings import PROJECT, SECRET, Settings, parse_settings

T = TypeVar("T")


def read_settings() -> Settings:
    """The settings of the running Pulumi program.

    Raises:
        UserError: see `parse_settings`.
    """
    # The engine hands all keys to the program in this variable; pulumi.Config can only be asked for known ones.
    values = cast(dict[str, str], json.loads(os.environ.get("PULUMI_CONFIG", "{}")))
    # It has decrypted what a stack file encrypts, and says here in which keys: such a value goes no further.
    secret = cast(list[str], json.loads(os.environ.get("PULUMI_CONFIG_SECRET_KEYS", "[]")))
    hidden = _own(dict.fromkeys(secret))
    return parse_settings(
        {key: {SECRET: ""} if key in hidden else _decoded(value) for key, value in _own(values).items()},
        origin="the stack's configuration",
    )


def read_stack_file(path: Path) -> dict[str, object]:
    """A Pulumi.<stack>.yaml as plain values.

    Raises:
        UserError: exit code 2; there is no such file, or it is not YAML with a mapping `config`.
    """
    try:
        content = cast(object, yaml.safe_load(path.read_text()))
    except FileNotFoundError:
        raise UserError(f"expected a stack file at {path}, found none", exit_code=2) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: expected YAML, found: {error}", exit_code=2) from None
    if not isinstance(content, dict) or not isinstance(cast(dict[str, object], content).get("config", {}), dict):
        raise UserError(f"{path}: expected a mapping with the key `config`", exit_code=2)
    return cast(dict[str, object], content)


def settings_of(stack_file: dict[str, object], *, origin: str) -> Settings:
    """The settings in a stack file that `read_stack_file` read.

    Raises:
        UserError: see `parse_settings`.
    """
    return parse_settings(_own(cast(dict[str, object], stack_file.get("config", {}))), origin=origin)


def _own(values: Mapping[str, T]) -> dict[str, T]:
    prefix = f"{PROJECT}:"
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _decoded(value: str) -> object:
    """A setting as YAML meant it: mappings and lists arrive as JSON, single values as texts."""
    try:
        return cast(object, json.loads(value)) if value.startswith(("{", "[")) else value
    except json.JSONDecodeError:
        return value
