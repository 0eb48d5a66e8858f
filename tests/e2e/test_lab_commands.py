"""The lab's commands, as docs/lab.md shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jellyfin_ha.lab.library import SAMPLE_USERS
from tests.e2e.conftest import Stack
from tests.e2e.household import answers, lets_in, pod_address
from tests.integration.mediaserver_processes import logged_in
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# The controller manager's 16 s of silence, and the time until kube-proxy has heard of it.
NOTICE_SECONDS = 45.0
RETURN_SECONDS = 120.0


def test_status_names_every_process_and_node(stack: Stack) -> None:
    printed = stack.command.ok("lab", "status")
    for name in ("etcd", "kube-apiserver", "coredns", "n1", "n2", "n3"):
        assert name in printed
    assert "no" not in printed.split(), "everything runs"


def test_logs_print_what_a_process_wrote(stack: Stack) -> None:
    assert stack.command.ok("lab", "logs", "kube-apiserver")


def test_an_unknown_process_or_node_is_refused_with_the_names_there_are(stack: Stack) -> None:
    for arguments in (("logs", "nobody"), ("node", "kill", "n9")):
        done = stack.command.run("lab", *arguments)
        assert done.returncode == 2
        assert "expected" in done.stderr


def test_the_shell_variables_lead_to_this_labs_kubectl_and_pulumi(stack: Stack) -> None:
    assert Path(stack.variables["KUBECONFIG"]) == stack.instance.kubeconfig
    assert "jellyfin-0" in stack.kubectl("get", "pods")
    assert "dev" in stack.pulumi("stack")


def test_users_are_served_by_the_other_node_after_one_loses_its_power(stack: Stack) -> None:
    status = stack.status()
    lost = status["replicas"][0]["node"]
    user = SAMPLE_USERS[0]
    # A server whose database was restarted answers one request with an error; that is not what this is about.
    for replica in status["replicas"]:
        address = pod_address(stack, replica["name"])
        wait_until(lambda at=address: lets_in(at, user), seconds=NOTICE_SECONDS, what=f"a log-in at {address}")
    stack.command.ok("lab", "node", "kill", lost)
    try:

        def is_noticed() -> bool:
            return not stack.status()["replicas"][0]["ready"]

        wait_until(is_noticed, seconds=NOTICE_SECONDS, what=f"the cluster noticing that {lost} is dead")
        wait_until(lambda: answers(status["url"]), seconds=NOTICE_SECONDS, what="an answer from the other server")
        logged_in(status["url"], user.name, user.password, "tablet").stop()
    finally:
        stack.command.ok("lab", "node", "start", lost)
    wait_until(
        lambda: all(replica["ready"] for replica in stack.status()["replicas"]),
        seconds=RETURN_SECONDS,
        what=f"both servers being ready after {lost} came back",
    )


def test_a_node_stopped_in_order_comes_back(stack: Stack) -> None:
    node = stack.status()["replicas"][1]["node"]
    stack.command.ok("lab", "node", "stop", node)
    stack.command.ok("lab", "node", "start", node)
    wait_until(
        lambda: all(replica["ready"] for replica in stack.status()["replicas"]),
        seconds=RETURN_SECONDS,
        what=f"both servers being ready after {node} came back",
    )
