"""What each ingress asks Kubernetes for, and what no ingress lets in."""

from __future__ import annotations

import re
from typing import Any

import pytest

from jellyfin_ha.components import GatewayIngress, PlainIngress, TraefikIngress
from jellyfin_ha.components.public_address import DENIED, PublicAddress
from tests.unit.engine import Engine
from tests.unit.test_components import run

ROUTE = "kubernetes:traefik.io/v1alpha1:IngressRoute"
MIDDLEWARE = "kubernetes:traefik.io/v1alpha1:Middleware"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
HTTP_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
CERTIFICATE = "kubernetes:cert-manager.io/v1:Certificate"

COMMON = {
    "namespace": "home",
    "instance": "test",
    "url": "https://films.example.org",
    "service_name": "jellyfin",
    "service_port": 8096,
}


def traefik(**more: Any) -> Engine:
    args: Any = {**COMMON, **more}
    return run(lambda: TraefikIngress("jellyfin", args))


def plain(**more: Any) -> Engine:
    args: Any = {**COMMON, **more}
    return run(lambda: PlainIngress("jellyfin", args))


def gateway(**more: Any) -> Engine:
    args: Any = {**COMMON, "parent": {"name": "public", "namespace": "edge"}, **more}
    return run(lambda: GatewayIngress("jellyfin", args))


def only_route(engine: Engine, name: str = "jellyfin") -> Any:
    (route,) = engine.of(ROUTE, name)["spec"]["routes"]
    return route


@pytest.mark.parametrize("prefix", ["", "/emby", "/mediabrowser", "/jellyfin", "/jellyfin/emby"])
@pytest.mark.parametrize(
    "path",
    [
        *("/System/Restart", "/system/restart", "/SYSTEM/SHUTDOWN", "/System/Shutdown/", "/metrics", "/Metrics"),
        *("/Startup/User", "/startup/configuration", "/Startup/Complete", "/Startup/FirstUser/", "/startup/logger"),
    ],
)
def test_what_stops_or_gives_away_a_server_is_denied_in_any_case_and_behind_any_prefix(prefix: str, path: str) -> None:
    assert re.search(DENIED, prefix + path)
    assert re.fullmatch(DENIED, prefix + path), "implementations that match whole paths find it as well"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/web/", "/socket", "/System/Info", "/System/Ping", "/System/Restarted", "/Startup", "/Genres/Startup"),
        *("/Studios/Startup/Images/Primary", "/Items/metrics1", "/ScheduledTasks", "/Videos/1/hls1/main/0.ts"),
    ],
)
def test_everything_else_is_let_in(path: str) -> None:
    assert not re.search(DENIED, path)


def test_traefik_serves_the_host_of_the_url_without_the_denied_paths() -> None:
    engine = traefik()
    spec = engine.of(ROUTE, "jellyfin")["spec"]
    assert spec["entryPoints"] == ["websecure"]
    route = only_route(engine)
    assert route["match"] == f"Host(`films.example.org`) && !PathRegexp(`{DENIED}`)"
    assert route["priority"] == len("Host(`films.example.org`)"), "another app on the same host keeps its own path"
    (service,) = route["services"]
    assert (service["name"], service["port"]) == ("jellyfin", 8096)


def test_traefik_serves_nothing_outside_the_base_url() -> None:
    engine = traefik(url="https://example.org/jellyfin")
    rule = "Host(`example.org`) && (Path(`/jellyfin`) || PathPrefix(`/jellyfin/`))"
    assert only_route(engine)["match"] == f"{rule} && !PathRegexp(`{DENIED}`)"
    assert only_route(engine, "jellyfin-to-https")["match"] == rule


def test_by_default_a_clients_address_decides_where_it_stays_as_televisions_keep_no_cookies() -> None:
    (service,) = only_route(traefik())["services"]
    assert service["strategy"] == "hrw"
    assert "sticky" not in service, "beside hrw, Traefik would ignore it"
    assert service["nativeLB"] is False, "behind the Service's own address all clients are one"


@pytest.mark.parametrize(
    ("url", "secure"), [("https://a.example/jellyfin", True), ("http://a.example/jellyfin", False)]
)
def test_a_sticky_cookie_is_for_the_server_alone_and_out_of_reach_of_scripts(url: str, secure: bool) -> None:
    (service,) = only_route(traefik(url=url, affinity="cookie"))["services"]
    assert "strategy" not in service
    assert service["sticky"]["cookie"] == {
        "name": "jellyfin-server-id",
        "secure": secure,
        "httpOnly": True,
        "sameSite": "lax",
        "maxAge": 400 * 24 * 60 * 60,
        "path": "/jellyfin",
    }


def test_traefik_sends_http_on_to_https_and_has_browsers_remember_it() -> None:
    engine = traefik(url="https://films.example.org:8443")
    assert engine.of(ROUTE, "jellyfin-to-https")["spec"]["entryPoints"] == ["web"]
    assert "tls" not in engine.of(ROUTE, "jellyfin-to-https")["spec"]
    assert only_route(engine, "jellyfin-to-https")["middlewares"] == [{"name": "jellyfin-to-https"}]
    redirect = engine.of(MIDDLEWARE, "jellyfin-to-https")["spec"]["redirectScheme"]
    assert redirect == {"scheme": "https", "permanent": True, "port": "8443"}
    assert only_route(engine)["middlewares"] == [{"name": "jellyfin-headers"}]
    headers = engine.of(MIDDLEWARE, "jellyfin-headers")["spec"]["headers"]
    assert headers["stsSeconds"] >= 31536000
    assert "stsIncludeSubdomains" not in headers, "other hosts of the domain are somebody else's"


def test_a_plain_http_url_gets_one_route_and_promises_no_https() -> None:
    engine = traefik(url="http://films.home", plain_entry_point="lan", class_name="inside")
    assert [name for token, name in engine.resources if token == ROUTE] == ["jellyfin"]
    route = engine.of(ROUTE, "jellyfin")
    assert route["spec"]["entryPoints"] == ["lan"]
    assert "tls" not in route["spec"]
    assert route["metadata"]["annotations"]["kubernetes.io/ingress.class"] == "inside"
    assert "stsSeconds" not in engine.of(MIDDLEWARE, "jellyfin-headers")["spec"]["headers"]


def test_a_certificate_is_asked_of_the_issuer_for_the_host_alone() -> None:
    engine = traefik(url="https://Films.example.org:8443/jellyfin", tls={"issuer": {"name": "letsencrypt"}})
    assert engine.of(CERTIFICATE, "jellyfin-tls")["spec"] == {
        "secretName": "jellyfin-tls",
        "dnsNames": ["films.example.org"],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt"},
    }
    assert engine.of(ROUTE, "jellyfin")["spec"]["tls"] == {"secretName": "jellyfin-tls"}


def test_a_certificate_of_ones_own_or_the_controllers_asks_nobody() -> None:
    of_ones_own, the_controllers = traefik(tls={"secret_name": "mine"}), traefik()
    assert of_ones_own.of(ROUTE, "jellyfin")["spec"]["tls"] == {"secretName": "mine"}
    assert the_controllers.of(ROUTE, "jellyfin")["spec"]["tls"] == {}
    assert CERTIFICATE not in (*of_ones_own.tokens(), *the_controllers.tokens())


def test_an_ingress_says_no_more_than_every_controller_understands() -> None:
    engine = plain(
        url="https://films.example.org/jellyfin",
        class_name="haproxy",
        annotations={"haproxy.org/timeout-tunnel": "1h"},
        tls={"issuer": {"name": "home", "kind": "Issuer"}},
    )
    ingress = engine.of(INGRESS, "jellyfin")
    assert ingress["metadata"]["annotations"]["haproxy.org/timeout-tunnel"] == "1h"
    assert ingress["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert ingress["spec"]["ingressClassName"] == "haproxy"
    assert ingress["spec"]["tls"] == [{"hosts": ["films.example.org"], "secretName": "jellyfin-tls"}]
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "films.example.org"
    (path,) = rule["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/jellyfin", "Prefix")
    assert path["backend"]["service"] == {"name": "jellyfin", "port": {"number": 8096}}
    assert engine.of(CERTIFICATE, "jellyfin-tls")["spec"]["issuerRef"]["kind"] == "Issuer"


def test_an_ingress_for_plain_http_has_no_tls() -> None:
    assert "tls" not in plain(url="http://films.home").of(INGRESS, "jellyfin")["spec"]


def test_a_gateway_denies_first_and_serves_without_an_end() -> None:
    spec = gateway(url="https://example.org/jellyfin").of(HTTP_ROUTE, "jellyfin")["spec"]
    assert spec["parentRefs"] == [{"name": "public", "namespace": "edge"}]
    assert spec["hostnames"] == ["example.org"]
    denied, served = spec["rules"]
    assert denied == {"matches": [{"path": {"type": "RegularExpression", "value": DENIED}}]}, "no backend"
    assert served["matches"] == [{"path": {"type": "PathPrefix", "value": "/jellyfin"}}]
    assert served["backendRefs"] == [{"kind": "Service", "name": "jellyfin", "port": 8096}]
    assert served["timeouts"] == {"request": "0s"}
    assert "sessionPersistence" not in served, "only the experimental channel has it"


def test_a_gateways_plain_listener_sends_on_to_https() -> None:
    parent = {"name": "public", "section": "https", "plain_section": "http"}
    engine = gateway(parent=parent, url="https://films.example.org:8443")
    assert engine.of(HTTP_ROUTE, "jellyfin")["spec"]["parentRefs"] == [{"name": "public", "sectionName": "https"}]
    redirect = engine.of(HTTP_ROUTE, "jellyfin-to-https")["spec"]
    assert redirect["parentRefs"] == [{"name": "public", "sectionName": "http"}]
    (rule,) = redirect["rules"]
    assert rule["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 301, "port": 8443}


def test_a_gateway_without_regular_expressions_can_be_told_to_deny_nothing() -> None:
    (served,) = gateway(denies_paths=False).of(HTTP_ROUTE, "jellyfin")["spec"]["rules"]
    assert served["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]


def test_a_gateways_session_persistence_uses_the_same_cookie() -> None:
    spec = gateway(affinity="session-persistence").of(HTTP_ROUTE, "jellyfin")["spec"]
    persistence = spec["rules"][-1]["sessionPersistence"]
    assert persistence["sessionName"] == "jellyfin-server-id"
    assert persistence["absoluteTimeout"] == "9600h"


@pytest.mark.parametrize(
    "url",
    [
        *("https://192.168.1.10", "https://[2001:db8::1]", "ftp://a.example", "https://a.example/?x=1"),
        *(
            "https://me@a.example",
            "https://a_b.example",
            "https://a.example/`x`",
            "https://a.example:99999",
            "a.example",
        ),
    ],
)
def test_an_ingress_needs_a_url_with_a_name(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected http\(s\)://<DNS name>"):
        PublicAddress.of(url)


@pytest.mark.parametrize("build", [traefik, plain])
def test_tls_that_contradicts_itself_or_the_url_is_refused(build: Any) -> None:
    with pytest.raises(ValueError, match="with an https URL only"):
        build(url="http://a.example", tls={"secret_name": "mine"})
    with pytest.raises(ValueError, match="found both"):
        build(tls={"secret_name": "mine", "issuer": {"name": "x"}})


@pytest.mark.parametrize("build", [traefik, gateway])
def test_an_affinity_that_nobody_has_is_refused(build: Any) -> None:
    with pytest.raises(ValueError, match=r"expected affinity .* found 'fate'"):
        build(affinity="fate")


def test_a_plain_listener_without_another_is_refused() -> None:
    with pytest.raises(ValueError, match="plain_section beside section"):
        gateway(parent={"name": "public", "plain_section": "http"})


@pytest.mark.parametrize("build", [traefik, plain, gateway])
def test_all_that_is_made_carries_the_labels_and_stands_in_the_namespace(build: Any) -> None:
    for (token, name), inputs in build().resources.items():
        if token.startswith("kubernetes:"):
            assert inputs["metadata"]["namespace"] == "home", name
            assert inputs["metadata"]["labels"]["app.kubernetes.io/component"] == "ingress", name
            assert inputs["metadata"]["labels"]["app.kubernetes.io/instance"] == "test", name
