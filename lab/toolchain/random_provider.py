"""A stand-in of Pulumi's random provider, for the lab only: a plugin process that makes random passwords.

The real provider is a Go program that no package registry holds, so the lab, which has nothing but package
registries, runs this one with the engine that it builds. An installed Pulumi downloads the real provider and never
meets this file. It speaks the same protocol and keeps the real one's promises for
`random:index/randomPassword:RandomPassword` (`random_password.py`): a program and its state can move from one to
the other. Every other type is refused.

Started by the engine as `pulumi-resource-random [engine address]` (`launcher.py`); it prints the port it listens
on, on loopback, and ends when the engine does.
"""

import os
from collections.abc import Mapping
from concurrent import futures
from importlib import metadata
from typing import NoReturn, Protocol, cast

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from .random_password import RESULTS, Plain, changed, created, previewed, problems

RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"
# The protocol's mark of a secret value: an object with this key and value, and the value itself beside it.
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"

# The real provider's own; passwords have no identity beside their URN.
PASSWORD_ID = "none"
THREADS = 8
ENGINE_POLL_SECONDS = 1.0


class _Context(Protocol):
    """What is used of grpc.ServicerContext, whose types are not complete."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn: ...


class RandomProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The protocol's side of the stand-in; it holds no state."""

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: _Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: _Context) -> plugin_pb2.PluginInfo:
        """As what it stands in: the version of the Python package that programs use."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi_random"))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: _Context) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: _Context) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: _Context) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: _Context) -> provider_pb2.CheckResponse:
        _only_passwords(request.urn, context)
        failures = [
            provider_pb2.CheckFailure(property=problem.property, reason=problem.reason)
            for problem in problems(_plain(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: _Context) -> provider_pb2.DiffResponse:
        _only_passwords(request.urn, context)
        names = changed(_plain(request.olds), _plain(request.news), frozenset(request.ignoreChanges))
        kind = provider_pb2.PropertyDiff.UPDATE_REPLACE
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if names else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=names,
            replaces=names,
            detailedDiff={name: provider_pb2.PropertyDiff(kind=kind) for name in names},
            hasDetailedDiff=True,
        )

    def Create(self, request: provider_pb2.CreateRequest, context: _Context) -> provider_pb2.CreateResponse:
        _only_passwords(request.urn, context)
        inputs = _plain(request.properties)
        state = previewed(inputs) if request.preview else created(inputs)
        return provider_pb2.CreateResponse(
            id="" if request.preview else PASSWORD_ID, properties=_marked(state, request.properties)
        )

    def Read(self, request: provider_pb2.ReadRequest, context: _Context) -> provider_pb2.ReadResponse:
        """Keeps a known password as it is; imports the one that is given as the id when none is known."""
        _only_passwords(request.urn, context)
        if "result" in request.properties:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        length: dict[str, Plain] = {"length": len(request.id)}
        state = _marked(created(length, password=request.id), struct_pb2.Struct())
        return provider_pb2.ReadResponse(id=PASSWORD_ID, properties=state, inputs=_struct(length))

    def Delete(self, request: provider_pb2.DeleteRequest, context: _Context) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: _Context) -> empty_pb2.Empty:
        """Nothing here takes long enough to be cancelled."""
        return empty_pb2.Empty()


def _only_passwords(urn: str, context: _Context) -> None:
    """Refuse every resource that is not a random password.

    A URN is `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`.
    """
    parts = urn.split("::")
    token = parts[2].rpartition("$")[2] if len(parts) > 2 else urn
    if token != RANDOM_PASSWORD:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"The lab's stand-in of the random provider makes {RANDOM_PASSWORD} only, not {token}. "
            "Install Pulumi: its CLI downloads the real provider.",
        )


def _plain(properties: struct_pb2.Struct) -> dict[str, Plain]:
    """Property values without the marks of secrets and of provider internals."""
    values = cast(dict[str, Plain], json_format.MessageToDict(properties))
    return {name: _unmarked(value) for name, value in values.items() if not name.startswith("__")}


def _unmarked(value: Plain) -> Plain:
    if isinstance(value, Mapping):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return _unmarked(value.get("value"))
        return {name: _unmarked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_unmarked(part) for part in value]
    return value


def _marked(state: Mapping[str, Plain], inputs: struct_pb2.Struct) -> struct_pb2.Struct:
    """A state for the engine: the results as secrets, and inputs as they came, so that a secret one stays secret."""
    properties = _struct(
        {
            name: {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value} if name in RESULTS else value
            for name, value in state.items()
        }
    )
    for name in inputs:
        if name in state and name not in RESULTS:
            properties.fields[name].CopyFrom(inputs.fields[name])
    return properties


def _struct(values: Mapping[str, Plain]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def main() -> None:
    """Serve until the process that started this one is gone."""
    engine = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(THREADS))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(RandomProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.getppid() == engine:
        server.wait_for_termination(timeout=ENGINE_POLL_SECONDS)
    server.stop(grace=None)


if __name__ == "__main__":
    main()
