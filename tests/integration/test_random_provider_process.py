"""The stand-in of the random provider, as the engine meets it: a process that speaks the plugin protocol."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from jellyfin_ha.lab.toolchain import write_launcher

pytestmark = pytest.mark.integration

URN = "urn:pulumi:dev::project::jellyfin-ha:index:PostgresDatabase$random:index/randomPassword:RandomPassword::p"
MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECONDS = 20


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def values(properties: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(properties)


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    return write_launcher(tmp_path / "plug ins", Path(sys.executable))


@pytest.fixture
def provider(launcher: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    process = subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd="/")
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            assert stub.Handshake(provider_pb2.ProviderHandshakeRequest(), timeout=SECONDS).accept_secrets
            yield stub
    finally:
        process.kill()
        process.wait(SECONDS)


def create(provider: provider_pb2_grpc.ResourceProviderStub, **inputs: Any) -> provider_pb2.CreateResponse:
    return provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(inputs)), timeout=SECONDS)


def test_a_password_is_made_and_marked_secret_with_its_hash(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    response = create(provider, length=24, special=False)
    state = values(response.properties)
    assert response.id == "none"
    for name in ("result", "bcryptHash"):
        assert MARK.items() <= state[name].items()
    assert len(state["result"]["value"]) == 24
    assert state["result"]["value"].isalnum()
    assert (state["length"], state["special"], state["lower"], state["minLower"]) == (24, False, True, 0)


def test_a_secret_input_counts_and_stays_secret(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    keepers = {**MARK, "value": {"a": "hidden"}}
    state = values(create(provider, length={**MARK, "value": 30}, keepers=keepers).properties)
    assert len(state["result"]["value"]) == 30
    assert state["keepers"] == keepers


def test_a_preview_promises_a_password_and_makes_none(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    request = provider_pb2.CreateRequest(urn=URN, properties=struct({"length": UNKNOWN}), preview=True)
    response = provider.Create(request, timeout=SECONDS)
    assert values(response.properties)["result"] == {**MARK, "value": UNKNOWN}
    assert values(response.properties)["length"] == UNKNOWN
    assert response.id == ""


def test_impossible_inputs_are_refused_before_anything_is_made(
    provider: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    inputs = struct({"length": 2, "minUpper": 3, "__defaults": []})
    response = provider.Check(provider_pb2.CheckRequest(urn=URN, news=inputs), timeout=SECONDS)
    assert [failure.property for failure in response.failures] == ["length"]
    fine = provider.Check(provider_pb2.CheckRequest(urn=URN, news=struct({"length": 20})), timeout=SECONDS)
    assert not fine.failures
    assert values(fine.inputs) == {"length": 20}


def test_a_changed_keeper_replaces_the_password_and_equal_inputs_change_nothing(
    provider: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    old = create(provider, length=20, keepers={"a": "1"}).properties

    def diff(**inputs: Any) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(id="none", urn=URN, olds=old, news=struct(inputs))
        return provider.Diff(request, timeout=SECONDS)

    same = diff(length=20, keepers={"a": "1"})
    assert (same.changes, list(same.replaces)) == (provider_pb2.DiffResponse.DIFF_NONE, [])
    changed = diff(length=20, keepers={"a": "2"})
    assert (changed.changes, list(changed.replaces)) == (provider_pb2.DiffResponse.DIFF_SOME, ["keepers"])
    assert not changed.deleteBeforeReplace


def test_a_refresh_keeps_the_password_and_an_import_takes_the_one_that_is_given(
    provider: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    old = create(provider, length=20).properties
    kept = provider.Read(
        provider_pb2.ReadRequest(id="none", urn=URN, properties=old, inputs=struct({"length": 20})), timeout=SECONDS
    )
    assert (kept.id, values(kept.properties), values(kept.inputs)) == ("none", values(old), {"length": 20})
    imported = provider.Read(provider_pb2.ReadRequest(id="an old password", urn=URN), timeout=SECONDS)
    assert imported.id == "none"
    assert values(imported.properties)["result"] == {**MARK, "value": "an old password"}
    assert values(imported.inputs) == {"length": 15}


def test_every_other_type_is_refused_and_the_way_out_is_named(
    provider: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    request = provider_pb2.CheckRequest(urn="urn:pulumi:dev::p::random:index/randomPet:RandomPet::p")
    with pytest.raises(grpc.RpcError, match=r"not random:index/randomPet:RandomPet.*Install Pulumi") as refused:
        provider.Check(request, timeout=SECONDS)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_it_is_as_old_as_the_python_package_says(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    version = provider.GetPluginInfo(empty_pb2.Empty(), timeout=SECONDS).version
    assert tuple(map(int, version.split("."))) >= (4, 18)


def test_it_ends_when_the_engine_that_started_it_is_killed(launcher: Path) -> None:
    # The engine's place is taken by a shell that tells the plugin's process id and then waits for it.
    engine = subprocess.Popen(
        ["sh", "-c", '"$0" 127.0.0.1:1 & echo $!; wait', launcher], stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    plugin = int(engine.stdout.readline())
    try:
        assert int(engine.stdout.readline()) > 0
        engine.kill()
        engine.wait(SECONDS)
        deadline = time.monotonic() + SECONDS
        while Path(f"/proc/{plugin}/stat").exists() and _state(plugin) != "Z":
            assert time.monotonic() < deadline, "the plugin outlives its engine"
            time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError):
            os.kill(plugin, signal.SIGKILL)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
