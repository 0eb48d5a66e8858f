"""A Pulumi engine that only records what a program asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc

Inputs = dict[str, Any]

SECRET_SIGNATURE = rpc._special_sig_key


@dataclass
class Engine(Mocks):
    """Records every resource's inputs by type token and name.

    Args:
        resources: what was recorded.
        stacks: the outputs of other stacks, by name, for a program that refers to them.
    """

    resources: dict[tuple[str, str], Inputs] = field(default_factory=dict)
    stacks: dict[str, Inputs] = field(default_factory=dict)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, Inputs]:
        self.resources[args.typ, args.name] = _plain(args.inputs)
        outputs = dict(args.inputs)
        if args.typ == "random:index/randomPassword:RandomPassword":
            outputs["result"] = f"password-of-{args.name}"
        if args.typ == "pulumi:pulumi:StackReference":
            outputs["outputs"] = self.stacks[args.name]
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Inputs:
        raise AssertionError(f"unexpected call of {args.token}")

    def of(self, token: str, name: str) -> Inputs:
        """The inputs of the one resource with this type token and name."""
        return self.resources[token, name]

    def tokens(self) -> list[str]:
        """The type tokens of everything that was registered, sorted."""
        return sorted(token for token, _ in self.resources)


def _plain(value: Any) -> Any:
    """`value` without the envelopes that the engine puts around secrets."""
    if isinstance(value, dict):
        return _plain(value["value"]) if SECRET_SIGNATURE in value else {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def install(config: Mapping[str, str] | None = None) -> Engine:
    """A fresh engine for the next program."""
    # Pulumi takes the thread's loop; what ran before, asyncio.run for example, may have taken it away.
    asyncio.set_event_loop(asyncio.new_event_loop())
    engine = Engine()
    pulumi.runtime.set_mocks(engine, project="jellyfin-ha", stack="dev", preview=False)
    for key, value in (config or {}).items():
        pulumi.runtime.set_config(key, value)
    return engine
