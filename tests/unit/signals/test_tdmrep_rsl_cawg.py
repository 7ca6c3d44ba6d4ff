"""TDMRep, RSL, CAWG and TDM·AI: what each value means, and what silence means."""

import json

import pytest

from linernotes.errors import InputError
from linernotes.signals import cawg, http_head, rsl, tdm_ai, tdmrep
from linernotes.signals.origin import Origin

SITE = Origin(name="file", target="https://provider.com/")
RULES = json.dumps(
    [
        {"location": "/directory-a/", "tdm-reservation": 1},
        {"location": "/directory-b/html/", "tdm-reservation": 1, "tdm-policy": "https://provider.com/p.json"},
        {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
    ]
)


def said(found):
    return {(one.subject, one.use): one.value for one in found.registry.consents}


# TDMRep


@pytest.mark.parametrize(
    ("path", "reserved", "policy"),
    [
        ("/directory-a/x.pdf", True, ""),
        ("/directory-b/html/a", True, "https://provider.com/p.json"),
        ("/directory-b/images/x.jpg", False, ""),
        ("/elsewhere", None, ""),
    ],
)
def test_the_example_of_the_report(path, reserved, policy):
    found = tdmrep.reservation_at(tdmrep.parse_tdmrep(RULES), path)
    assert (found.reserved, found.policy) == (reserved, policy)


def test_the_first_match_counts_not_the_longest():
    rules = tdmrep.parse_tdmrep(
        '[{"location": "/", "tdm-reservation": 1}, {"location": "/a/", "tdm-reservation": 0}]'
    )
    assert tdmrep.reservation_at(rules, "/a/x").reserved is True


def test_a_reservation_denies_training_and_a_policy_makes_it_a_condition():
    found = said(tdmrep.imported(tdmrep.parse_tdmrep(RULES), SITE))
    assert found["https://provider.com/directory-a/", "generative-training"] == "deny"
    assert found["https://provider.com/directory-b/html/", "data-mining"] == "conditional"
    images = {use: value for (subject, use), value in found.items() if "images" in subject}
    assert images == {"data-mining": "allow"}  # not reserved: mining is free, training was not asked


@pytest.mark.parametrize("value", ["2", '"1"', "true", "null", "[]"])
def test_other_values_count_as_unset(value):
    rules = tdmrep.parse_tdmrep(f'[{{"location": "/", "tdm-reservation": {value}}}]')
    assert rules[0].reserved is None


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '[{"tdm-reservation": 1}]',
        '[{"location": "x", "tdm-reservation": 1}]',
        "[1]",
        "",
        '[{"location": "/", "location": "/"}]',
    ],
)
def test_what_is_no_tdmrep_file(text):
    with pytest.raises(InputError):
        tdmrep.parse_tdmrep(text)


def test_headers_and_html():
    head = http_head.parse_head(
        "HTTP/1.1 200 OK\r\nTDM-Reservation: 1\r\ntdm-policy: https://p.org/x\r\n\r\n"
    )
    assert tdmrep.reservation_of_headers(head.fields) == tdmrep.Reservation(True, "https://p.org/x")
    page = tdmrep.parse_html("<html><head><meta name='TDM-reservation' content=' 1 '></head>")
    assert page.reserved is True
    assert tdmrep.parse_html("<meta name=other content=1>").reserved is None


@pytest.mark.parametrize(
    "page",
    [
        '<!-- <meta name="tdm-reservation" content="1"> -->',
        '<script>x = \'<meta name="tdm-reservation" content="1">\'</script>',
        '<!-- <meta name="tdm-reservation" content="1">',
        '<metadata name="tdm-reservation" content="1">',
        '<meta name="tdm-reservation" content="1"',
    ],
)
def test_what_is_no_metadata_of_the_page(page):
    assert tdmrep.parse_html(page).reserved is None


@pytest.mark.parametrize("piece", ["<a ", "<!--", "<meta ", "<meta name=x ", "<script", "<![CDATA["])
def test_a_hostile_page_costs_no_more_than_its_length(piece):
    assert (
        tdmrep.parse_html(piece * 300_000).reserved is None
    )  # seconds, where quadratic time would take hours


def test_attributes_in_any_spelling():
    page = "<META CONTENT = '&#49;' data-x=\"y\" NAME=tdm-reservation /><meta name=tdm-policy content=https://p.org/?a&amp;b>"
    assert tdmrep.parse_html(page) == tdmrep.Reservation(True, "https://p.org/?a&b")


def test_contradicting_headers_are_a_reservation():
    assert (
        tdmrep.reservation_of_headers([("tdm-reservation", "0"), ("tdm-reservation", "1")]).reserved is True
    )


def test_a_head_tells_its_day_and_its_licence():
    head = http_head.parse_head(
        "HTTP/1.1 200 OK\nDate: Wed, 23 Apr 2025 04:48:02 GMT\nContent-Usage: train-ai=n\nContent-Usage: search=y\n"
        'Link: <https://a.org/l.xml>; rel="license"; type="application/rsl+xml", <b>; rel=next\n'
    )
    assert head.day == "2025-04-23"
    assert head.licences == ("https://a.org/l.xml",)
    assert http_head.preferences_of(head).search == "allowed"


# RSL


def document(inside, url="/music/"):
    return f'<rsl xmlns="{rsl.NAMESPACE}"><content url="{url}">{inside}</content></rsl>'


@pytest.mark.parametrize(
    ("licence", "value"),
    [
        ('<prohibits type="usage">ai-all</prohibits>', "deny"),
        ('<prohibits type="usage">search</prohibits>', "unknown"),
        ('<permits type="usage">ai-train</permits>', "allow"),
        ('<permits type="usage">ai-train,search</permits><payment type="free"/>', "allow"),
        ('<permits type="usage">all</permits><payment type="royalty"/>', "conditional"),
        ('<permits type="usage">ai-train</permits><permits type="user">education</permits>', "conditional"),
        ('<permits type="usage">ai-train</permits><prohibits type="usage">ai-train</prohibits>', "deny"),
        ('<permits type="usage">train-ai</permits>', "allow"),
        ("", "unknown"),
    ],
)
def test_one_licence(licence, value):
    content = rsl.parse_rsl(document(f"<license>{licence}</license>"))[0]
    assert content.value_for("generative-training")[0] == value


def test_alternatives_give_the_most_open_offer_and_a_prohibition_still_counts():
    paid = '<license><permits type="usage">ai-train</permits><payment type="royalty"/></license>'
    free = '<license><permits type="usage">ai-train</permits><payment type="free"/></license>'
    never = '<license><prohibits type="usage">ai-train</prohibits></license>'
    assert rsl.parse_rsl(document(paid + free))[0].value_for("generative-training")[0] == "allow"
    assert rsl.parse_rsl(document(paid + free + never))[0].value_for("generative-training")[0] == "deny"


def test_payment_terms_are_carried():
    inside = (
        '<license><permits type="usage">ai-train</permits><payment type="subscription"><standard>https://s.org/x'
        '</standard><amount currency="USD">9.99</amount></payment></license><copyright type="person">Ada</copyright>'
    )
    found = rsl.imported(rsl.parse_rsl(document(inside)), SITE).registry.consents[0]
    assert found.terms == "payment subscription; standard https://s.org/x; amount 9.99 USD"
    assert found.granted_by == "Ada"


def test_a_licence_server_makes_a_free_offer_a_condition():
    text = (
        f'<rsl xmlns="{rsl.NAMESPACE}"><content url="/" server="https://s.org"><license>'
        '<permits type="usage">ai-train</permits></license></content></rsl>'
    )
    assert rsl.parse_rsl(text)[0].value_for("generative-training") == (
        "conditional",
        "licence server https://s.org",
    )


def test_the_longest_pattern_counts_and_another_site_does_not():
    contents = tuple(
        rsl.Content(url, ()) for url in ("/", "https://a.org/music/*", "https://b.org/music/rain.wav")
    )
    assert rsl.content_at(contents, "https://a.org/music/rain.wav").pattern == "https://a.org/music/*"


@pytest.mark.parametrize(
    "text",
    [
        "<html/>",
        '<rsl xmlns="urn:other"/>',
        document("", url=""),
        document("", url="music"),
        "<rsl>",
        "not xml",
    ],
)
def test_what_is_no_rsl_document(text):
    with pytest.raises(InputError, match="RSL document"):
        rsl.parse_rsl(text)


# CAWG


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"use": "allowed"}, "allow"),
        ({"use": "notAllowed"}, "deny"),
        ({"use": "constrained"}, "deny"),
        ({"use": "constrained", "constraint_info": "CC BY"}, "conditional"),
        ({"use": "constrained", "constraint_info": "  "}, "deny"),
    ],
)
def test_bare_constrained_reads_as_not_allowed(entry, value):
    text = json.dumps({"entries": {"cawg.ai_generative_training": entry}})
    assert [one.value for one in cawg.parse_assertion(text)] == [value]


def test_elder_labels_and_shapes():
    elder = {"label": "c2pa.training-mining", "data": {"entries": {"c2pa.ai_training": {"use": "allowed"}}}}
    assert cawg.parse_assertion(json.dumps(elder))[0].use == "other-training"
    flat = {"cawg.data_mining": {"use": "notAllowed"}, "metadata": {}}
    assert cawg.parse_assertion(json.dumps(flat))[0].use == "data-mining"


def test_custom_keys_bind_to_nothing_and_are_reported():
    entries = cawg.parse_assertion('{"entries": {"org.example.dance": {"use": "notAllowed"}}}')
    found = cawg.imported(entries, Origin(name="a", target="rain"))
    assert not found.registry.consents
    assert found.problems[0].code == "custom-use"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"entries": {}},
        {"entries": []},
        {"entries": {"cawg.ai_training": {"use": "maybe"}}},
        {"entries": {"cawg.ai_training": "allowed"}},
        {"entries": {"nodots": {"use": "allowed"}}},
        {"entries": {"cawg.ai_training": {"use": "constrained", "constraint_info": 1}}},
        {"label": "c2pa.actions", "data": {}},
        [],
    ],
)
def test_what_is_no_assertion(data):
    with pytest.raises(InputError, match="training-mining assertion"):
        cawg.parse_assertion(json.dumps(data))


def test_written_and_read_again():
    entries = (
        cawg.Entry("cawg.ai_training", "constrained", "ask"),
        cawg.Entry("cawg.data_mining", "allowed"),
    )
    assert cawg.parse_assertion(json.dumps(cawg.assertion(entries))) == entries


# TDM·AI


def test_inheritance():
    one = tdm_ai.parse_declarations('{"iscc": "ISCC:KACT4EBWK27737D2", "all": "true", "train-genai": false}')[
        0
    ]
    assert [one.value_of(key) for key in tdm_ai.KEYS] == [True, True, False, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"iscc": "x", "all": "true"}',
        '{"iscc": "ISCC:KACT4EBWK27737D2"}',
        '{"iscc": "ISCC:KACT4EBWK27737D2", "all": "yes"}',
        '{"iscc": "ISCC:KACT4EBWK27737D2", "all": "true", "intent": "revoke"}',
    ],
)
def test_what_is_no_declaration(text):
    with pytest.raises(InputError, match="TDM·AI declaration"):
        tdm_ai.parse_declarations(text)
