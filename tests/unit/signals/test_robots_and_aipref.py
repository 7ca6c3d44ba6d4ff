"""robots.txt (RFC 9309), AIPREF, content signals: who may fetch what, and what is said about use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.signals import aipref, content_signals, robots_signals
from linernotes.signals.origin import Origin
from linernotes.signals.paths import matches, split_location
from linernotes.signals.robots import parse_robots

SITE = Origin(name="robots.txt", target="https://a.org/", seen_on="2025-06-01")
DRAFT = """User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: train-ai=y
"""


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/fish", "/fish.html", True),
        ("/fish", "/Fish", False),
        ("/fish/", "/fish", False),
        ("/*.php$", "/folder/file.php", True),
        ("/*.php$", "/file.php?x", False),
        ("/fish*.php", "/fishheads/catfish.php?id=1", True),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84", True),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", True),
        ("/a%2fb", "/a/b", False),
        ("/$", "/", True),
        ("/$", "/a", False),
    ],
)
def test_paths_match_as_in_the_rfc(pattern, path, expected):
    assert matches(pattern, path) is expected


def test_groups_of_one_name_are_one_and_the_longest_rule_wins():
    robots = parse_robots(
        "User-agent: a\nDisallow: /x\n\nUser-agent: *\nDisallow: /\n\nUser-agent: A\nAllow: /x/y\nDisallow: /z\n"
    )
    assert [robots.may_crawl("A/2.0", path) for path in ("/x", "/x/y", "/z", "/q")] == [
        False,
        True,
        False,
        True,
    ]
    assert not robots.may_crawl("other", "/q")
    assert robots.may_crawl("other", "/robots.txt")


def test_an_empty_disallow_ends_the_list_of_agents():
    robots = parse_robots("User-agent: a\nDisallow:\nUser-agent: b\nDisallow: /")
    assert robots.may_crawl("a", "/x")
    assert not robots.may_crawl("b", "/x")


def test_of_equal_rules_allow_wins():
    assert parse_robots("User-agent: *\nDisallow: /p\nAllow: /p").may_crawl("x", "/p")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_end_of_line(end):
    assert not parse_robots(f"user-agent: *{end}disallow: /a # why{end}").may_crawl("x", "/a")


def test_the_example_of_the_draft():
    robots = parse_robots(DRAFT)
    table = {"/test": "disallowed", "/ai-ok/test": "allowed"}
    assert {path: aipref.preferences_at(robots, path).train_ai for path in table} == table
    assert aipref.preferences_at(robots, "/never/test") is None
    assert aipref.preferences_at(robots, "/test", "ExampleBot").train_ai == "allowed"


def test_rules_of_one_path_combine_to_the_most_restrictive():
    robots = parse_robots(
        "User-agent: *\nContent-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n, search=y"
    )
    found = aipref.preferences_at(robots, "/a/b")
    assert (found.train_ai, found.search) == ("disallowed", "allowed")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train-ai=n", "disallowed"),
        ("train-ai=y;why=x", "allowed"),
        ("train-ai", "unknown"),
        ('train-ai="n"', "unknown"),
        ("train-ai=y, train-ai=n", "disallowed"),
        ("train-ai;allow=n, train-ai=y", "allowed"),
        ("TRAIN-AI=n", "unknown"),
        ("", "unknown"),
        ("search=n", "unknown"),
    ],
)
def test_one_statement_of_preference(text, value):
    assert aipref.parse_preferences(text).train_ai == value


def test_what_is_malformed_says_nothing_but_is_reported():
    found = aipref.imported(aipref.parse_preferences("Train=n"), Origin(name="h", target="rain"))
    assert not found.registry.consents
    assert [problem.code for problem in found.problems] == ["malformed-preference"]


def test_labels_of_earlier_drafts_are_reported_not_read():
    found = aipref.imported(aipref.parse_preferences("train-genai=n, all=n"), Origin(name="h", target="rain"))
    assert not found.registry.consents
    assert found.problems[0].value == "train-genai, all"


@given(st.lists(st.sampled_from(["train-ai=y", "train-ai=n", "search=n", ""])))
def test_combining_knows_no_order(texts):
    statements = [aipref.parse_preferences(text) for text in texts]
    assert aipref.combine(statements).train_ai == aipref.combine(reversed(statements)).train_ai


def records(text, url):
    found = robots_signals.holding_at(parse_robots(text), url, SITE)
    return {(one.source.split()[0], one.use): one.value for one in found}


def test_one_named_crawler_is_a_condition_three_operators_are_a_refusal():
    one = records("User-agent: GPTBot\nDisallow: /", "https://a.org/x.wav")
    assert one["robots.txt", "generative-training"] == "conditional"
    many = "User-agent: GPTBot\nUser-agent: CCBot\nUser-agent: Bytespider\nDisallow: /"
    assert records(many, "https://a.org/x.wav")["robots.txt", "generative-training"] == "deny"


def test_everybody_shut_out_is_a_refusal_unless_a_training_crawler_is_let_in():
    assert records("User-agent: *\nDisallow: /", "https://a.org/x")["robots.txt", "other-training"] == "deny"
    let_in = "User-agent: *\nDisallow: /\n\nUser-agent: GPTBot\nAllow: /"
    assert records(let_in, "https://a.org/x")["robots.txt", "other-training"] == "conditional"


def test_allow_says_nothing_about_use():
    assert records("User-agent: GPTBot\nAllow: /", "https://a.org/x") == {}


def test_search_crawlers_are_no_training_crawlers():
    assert records("User-agent: OAI-SearchBot\nDisallow: /", "https://a.org/x") == {}


def test_content_signals():
    robots = parse_robots(
        "User-agent: *\nContent-Signal: search=yes, ai-train=no\nContent-Signal: /free/ ai-train=yes"
    )
    assert content_signals.signals_at(robots, "/x") == {"search": True, "ai-train": False}
    assert content_signals.signals_at(robots, "/free/x") == {"ai-train": True}
    found = robots_signals.holding_at(robots, "https://a.org/x", SITE)
    assert {(one.use, one.value) for one in found} == {
        ("generative-training", "deny"),
        ("other-training", "deny"),
    }


def test_an_allow_speaks_for_the_master_a_deny_for_every_layer():
    found = robots_signals.holding_at(parse_robots(DRAFT), "https://a.org/ai-ok/x", SITE)
    assert [one.layer for one in found] == ["master"]
    found = robots_signals.holding_at(parse_robots(DRAFT), "https://a.org/x", SITE)
    assert [(one.layer, one.given_on) for one in found] == [("all", "2025-06-01")]


@pytest.mark.parametrize("url", ["ftp://a.org/", "a.org", "https://", "https://[::1", "https://a:b/"])
def test_addresses_that_are_none(url):
    with pytest.raises(InputError, match="address"):
        split_location(url)
