import contextlib
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.disclosure.provider import MAX_BYTES, NOT_SAID, parse_provider, read_provider, template
from linernotes.disclosure.questions import KIND_WORDS, QUESTIONS, SECTIONS
from linernotes.errors import InputError, LinernotesError
from linernotes.workspace.toml import dumps


def _parse(text):
    return parse_provider(text.encode())


def test_the_template_asks_every_question_and_answers_none():
    said = _parse(template())
    assert set(said.answers) == {question.name for question in QUESTIONS}
    assert {answer.state for answer in said.answers.values()} == {"unknown"}
    assert all(f"[{section}]" in template() for section in SECTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_example_is_an_answer(question):
    said = _parse(f"[{question.section}]\n{question.key} = {question.example}\n")
    answer = said[question.name]
    assert answer.state == "stated"
    assert answer.source == "provider.toml"
    assert question.kind in KIND_WORDS
    assert question.help.endswith((".", "?"))


def test_nothing_is_silently_empty():
    said = _parse('[provider]\nname = { unknown = "asked on Monday" }\nsmall = { not_applicable = "a club" }')
    assert (said["provider.name"].state, said["provider.name"].reason) == ("unknown", "asked on Monday")
    assert said["provider.small"].state == "not-applicable"
    assert said["model.names"].reason == NOT_SAID
    assert said.is_true("provider.small") is False
    assert said.is_true("provider.name") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[provider]\nname = ''", "text that is not empty"),
        ("[provider]\nname = '   '", "text that is not empty"),
        ("[provider]\nname = 7", "text that is not empty"),
        ("[provider]\nnmae = 'x'", "did you mean 'name'"),
        ("[providers]\nname = 'x'", "did you mean 'provider'"),
        ("provider = 1", r"expected the section \[provider\]"),
        ("[provider]\nname = { unknown = '' }", "text that is not empty"),
        ("[provider]\nname = { unknown = 'x', why = 'y' }", "text that is not empty"),
        ("[provider]\nsmall = 'yes'", "true or false"),
        ("[provider]\nanswer_days = true", "a whole number"),
        ("[provider]\nanswer_days = 0", "a whole number"),
        ("[provider]\naddress = 'javascript:alert(1)'", "begins with https"),
        ("[provider]\nname = 'a\\u202eb'", "control character U\\+202E"),
        ("[model]\nnames = []", "at least one entry"),
        ("[model]\nnames = ['a', 'a']", "twice"),
        ("[model]\nbase_models = [{ summary = 'https://example.org' }]", "has no 'name'"),
        ("[model]\nbase_models = [{ name = 'a', url = 'https://example.org' }]", "unknown key"),
        ("[model]\nbase_models = ['a']", "a table with the keys"),
        ("[model]\nfirst_used = 2026-01-01T10:00:00", "a date"),
        ("[model]\nfirst_used = '1.1.2026'", "a date"),
        ("[crawled]\ndomains = ['forums and repositories']", "host names"),
        ("[summary]\nstatus = 'required'", "voluntary"),
        ("[summary]\nstatus = { required_by_law = '' }", "text that is not empty"),
        ("[content]\nprotected = { maybe = 'x' }", "true or false"),
        ("[content]\nprotected = 3", "true or false"),
        ("not toml", "not TOML"),
    ],
)
def test_what_is_not_an_answer_is_refused_by_name(text, message):
    text = text.replace("\\u202e", "\N{RIGHT-TO-LEFT OVERRIDE}")
    with pytest.raises(InputError, match=message):
        _parse(text)


def test_bytes_that_are_too_many_or_not_text_are_refused(tmp_path):
    with pytest.raises(InputError, match="larger than"):
        parse_provider(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InputError, match="UTF-8"):
        parse_provider(b"\xff\xfe")
    with pytest.raises(InputError, match="disclose template"):
        read_provider(tmp_path / "none.toml")
    big = tmp_path / "big.toml"
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InputError, match=r"big\.toml"):
        read_provider(big)


def test_an_integer_of_thousands_of_digits_does_not_stall_the_message():
    with pytest.raises(InputError, match="int"):
        _parse(f"[provider]\nanswer_days = 0x{'f' * 6000}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(QUESTIONS), VALUES)
def test_any_value_is_read_or_refused(question, value):
    try:
        text = dumps({question.section: {question.key: value}})
        tomllib.loads(text)
    except (LinernotesError, ValueError):
        return
    try:
        answer = _parse(text)[question.name]
    except InputError:
        return
    assert answer.state in ("stated", "unknown", "not-applicable")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(InputError):
        assert len(parse_provider(data).answers) == len(QUESTIONS)
