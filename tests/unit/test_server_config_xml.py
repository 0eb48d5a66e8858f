"""Declared settings come into Jellyfin's XML files, and nothing else in them changes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jellyfin_ha.components.server_config.xml_file import Change, Unreadable, Value, merged, values

# As Jellyfin writes it: two declared namespaces, nil, empty elements, lists, and what is no list of texts.
NETWORK = """\
<?xml version="1.0" encoding="utf-8"?>
<NetworkConfiguration xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <BaseUrl />
  <EnableHttps>false</EnableHttps>
  <CertificatePath xsi:nil="true" />
  <LocalNetworkSubnets>
    <string>10.0.0.0/8</string>
    <string>192.168.0.0/16</string>
  </LocalNetworkSubnets>
  <KnownProxies />
  <Repositories><RepositoryInfo><Name>A &amp; B</Name><Url>x</Url></RepositoryInfo></Repositories>
</NetworkConfiguration>"""

names = st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12).map(str.strip)
settings = st.dictionaries(names, texts | st.lists(texts.filter(bool), max_size=3), max_size=5)
spaces = st.sampled_from(["", " ", "\n  ", "\r\n\t"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file with settings, comments and whitespace as somebody may have left them."""

    def element(name: str, value: Value) -> str:
        escape = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
        if isinstance(value, str):
            if not value:
                return draw(st.sampled_from([f"<{name}/>", f"<{name} />", f"<{name}></{name} >"]))
            return f'<{name} a="/&gt;>">{value.translate(escape)}</{name}>'
        return f"<{name}>" + "".join(f"<string>{item.translate(escape)}</string>" for item in value) + f"</{name}>"

    parts = [element(name, value) for name, value in draw(settings).items()]
    parts = [part + draw(st.sampled_from(["", "<!-- > -->", "<?p ?>"])) for part in parts]
    inside = draw(spaces).join(["", *parts, ""])
    head = draw(st.sampled_from(["", "\ufeff", '<?xml version="1.0" encoding="utf-8"?>\n', "<!-- a -->"]))
    root = (
        f"<R>{inside}</R>" if inside or draw(st.booleans()) else draw(st.sampled_from(["<R/>", "<R />", '<R b=">"/>']))
    )
    return (head + root + draw(spaces)).encode()


def meaning(content: bytes) -> dict[str, str]:
    """Every element of a file as another parser reads it, and the comments between them."""
    root = ElementTree.fromstring(content, ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True)))
    return {
        child.tag if isinstance(child.tag, str) else f"comment {index}": ElementTree.tostring(child, "unicode").strip()
        for index, child in enumerate(root)
    }


@given(files(), settings)
def test_what_is_declared_is_there_and_all_else_survives(content: bytes, wanted: dict[str, Value]) -> None:
    after, changes = merged(content, "R", wanted)
    found = values(after)
    assert all(found[name] == value or (value == [] and found[name] == "") for name, value in wanted.items())
    others = {name: text for name, text in meaning(content).items() if name in values(content) and name not in wanted}
    assert others.items() <= meaning(after).items()
    assert len([key for key in meaning(after) if key.startswith("comment")]) == content.count(b"<!-- > -->")
    assert {change.name for change in changes} == {
        name
        for name, value in wanted.items()
        if values(content).get(name) != value and not (value == [] and values(content).get(name) == "")
    }


@given(files(), settings)
def test_a_second_time_changes_no_byte(content: bytes, wanted: dict[str, Value]) -> None:
    after, _ = merged(content, "R", wanted)
    assert merged(after, "R", wanted) == (after, ())


@given(files())
def test_a_file_that_is_as_declared_keeps_every_byte(content: bytes) -> None:
    as_it_is = {name: value for name, value in values(content).items() if value is not None}
    assert merged(content, "R", as_it_is) == (content, ())


@given(files(), st.data())
def test_a_torn_file_is_told_from_a_whole_one(content: bytes, data: st.DataObject) -> None:
    whole = content.rstrip()
    torn = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Unreadable):
        merged(torn, "R", {"A": "1"})


def test_only_the_declared_lines_of_a_file_change() -> None:
    wanted: dict[str, Value] = {"BaseUrl": "/tv", "KnownProxies": ["10.1.0.0/16", "fd00::/8"], "AutoDiscovery": "false"}
    after, changes = merged(NETWORK.encode(), "NetworkConfiguration", wanted)
    proxies = "\n    ".join(["<KnownProxies>", "<string>10.1.0.0/16</string>", "<string>fd00::/8</string>"])
    assert after.decode() == NETWORK.replace("<BaseUrl />", "<BaseUrl>/tv</BaseUrl>").replace(
        "<KnownProxies />", f"{proxies}\n  </KnownProxies>"
    ).replace("</NetworkConfiguration>", "  <AutoDiscovery>false</AutoDiscovery>\n</NetworkConfiguration>")
    assert changes == (
        Change("BaseUrl", "", "/tv"),
        Change("KnownProxies", "", ["10.1.0.0/16", "fd00::/8"]),
        Change("AutoDiscovery", None, "false"),
    )


def test_nil_is_no_value_and_windows_line_ends_stay() -> None:
    content = NETWORK.replace("\n", "\r\n").encode()
    after, (change,) = merged(content, "NetworkConfiguration", {"CertificatePath": ""})
    assert change == Change("CertificatePath", None, "")
    assert after.decode() == content.decode().replace('<CertificatePath xsi:nil="true" />', "<CertificatePath />")


def test_a_setting_that_stands_there_twice_stands_there_once_afterwards() -> None:
    after, changes = merged(b"<R><A>1</A><B>2</B><A>3</A></R>", "R", {"A": "1"})
    assert after == b"<R><A>1</A><B>2</B></R>"
    assert changes == (), "Jellyfin took the first"


def test_a_missing_file_is_made_with_what_is_declared_alone() -> None:
    after, _ = merged(None, "EncodingOptions", {"TranscodingTempPath": "/data/transcode"})
    root = ElementTree.fromstring(after)
    assert (root.tag, [(child.tag, child.text) for child in root]) == (
        "EncodingOptions",
        [("TranscodingTempPath", "/data/transcode")],
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 512,
        b"<Other />",
        b"<R /><R />",
        '<?xml version="1.0" encoding="iso-8859-1"?><R>é</R>'.encode("iso-8859-1"),
        "<R />".encode("utf-16"),
        b'<!DOCTYPE R [<!ENTITY a "b">]><R>&a;</R>',
        b"<R><A>\xff</A></R>",
    ],
)
def test_what_jellyfin_does_not_write_is_not_touched(content: bytes) -> None:
    with pytest.raises(Unreadable):
        merged(content, "R", {"A": "1"})


@pytest.mark.parametrize("wanted", [{"A": "\x00"}, {"A B": "1"}, {"A": ["\x01"]}])
def test_what_xml_cannot_hold_is_refused_and_not_written(wanted: dict[str, Value]) -> None:
    with pytest.raises(Unreadable):
        merged(b"<R />", "R", wanted)
