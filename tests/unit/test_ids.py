import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes import ids
from linernotes.errors import InputError


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (ids.parse_isrc, "US-S1Z-99-00001", "USS1Z9900001"),
        (ids.parse_isrc, " isrc: gb aye 6900001 ", "GBAYE6900001"),
        (ids.parse_isrc, "QZ-ES8-19-12345", "QZES81912345"),
        (ids.parse_iswc, "T-034.524.680-1", "T0345246801"),
        (ids.parse_iswc, "iswc t0345246801", "T0345246801"),
        (ids.parse_ipi, "00014107338", "00014107338"),
        (ids.parse_ipi, "14107338", "00014107338"),
        (ids.parse_isni, "0000 0001 2281 955X", "000000012281955X"),
        (ids.parse_upc, "036000291452", "036000291452"),
        (ids.parse_upc, "4006381333931", "4006381333931"),
        (ids.parse_ipi_base, "I-001068130-6", "I0010681306"),
        (ids.parse_ipn, "IPN 1234 5678", "12345678"),
        (ids.parse_grid, "A1-2425G-ABC1234002-M", "A12425GABC1234002M"),
        (ids.parse_dpid, "PA-DPIDA-2011072101-T", "PADPIDA2011072101T"),
        (ids.parse_dpid, "PADPIDA2013020802I", "PADPIDA2013020802I"),
        (ids.parse_mbid, "B1A9C0E9-D987-4042-AE91-78D6A3267D69", "b1a9c0e9-d987-4042-ae91-78d6a3267d69"),
        (ids.parse_content_hash, "SHA256:" + "0A" * 32, "0a" * 32),
    ],
)
def test_what_people_write_is_normalised(parse, text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "names"),
    [
        (ids.parse_isrc, "USS1Z990001", "11 characters"),
        (ids.parse_isrc, "11S1Z9900001", "form"),
        (ids.parse_isrc, "XX-S1Z-99-00001", "prefix 'XX'"),
        (ids.parse_isrc, "", "0 characters"),
        (ids.parse_iswc, "T-034.524.680-2", "check digit 2, expected 1"),
        (ids.parse_iswc, "034524680", "ten digits"),
        (ids.parse_ipi, "00014107339", "39, expected 38"),
        (ids.parse_ipi_base, "I-001068130-7", "check digit 7, expected 6"),
        (ids.parse_ipn, "12AB", "5 to 13 digits"),
        (ids.parse_grid, "A1-2425G-ABC1234002-N", "check digit 'N'"),
        (ids.parse_dpid, "PADPIDA2014022801G", "check character G, expected T"),
        (ids.parse_dpid, "PADPIDA2024RETROSYNC", "eleven characters"),
        (ids.parse_ipi, "abc", "eleven digits"),
        (ids.parse_isni, "0000 0001 2281 9551", "check digit"),
        (ids.parse_isni, "0000 0001", "8 characters"),
        (ids.parse_upc, "036000291453", "check digit '3'"),
        (ids.parse_upc, "12a", "UPC/EAN"),
        (ids.parse_mbid, "b1a9c0e9-d987", "UUID"),
        (ids.parse_content_hash, "abcd", "4 characters"),
        (ids.parse_iswc, "T٠345246801", "outside ASCII"),
    ],
)
def test_a_wrong_identifier_is_told_what_is_wrong(parse, text, names):
    with pytest.raises(InputError, match=names):
        parse(text)


@pytest.mark.parametrize(
    ("print_", "text", "expected"),
    [
        (ids.format_isrc, "uss1z9900001", "US-S1Z-99-00001"),
        (ids.format_iswc, "T0345246801", "T-034.524.680-1"),
        (ids.format_ipi, "14107338", "00014107338"),
        (ids.format_isni, "000000012281955X", "0000 0001 2281 955X"),
        (ids.format_upc, "036000291452", "0036000291452"),
    ],
)
def test_printed_form_reads_back(print_, text, expected):
    assert print_(text) == expected
    assert print_(expected) == expected


@settings(max_examples=40)
@given(st.integers(0, 10**9 - 1), st.integers(0, 8), st.integers(1, 9))
def test_one_changed_digit_never_passes_the_ipi_check(number, place, change):
    body = f"{number:09}"
    valid = next(code for check in range(100) if _passes(ids.parse_ipi, code := f"{body}{check:02}"))
    other = valid[:place] + str((int(valid[place]) + change) % 10) + valid[place + 1 :]
    weighted = sum(w * int(d) for w, d in zip(range(10, 1, -1), body, strict=True)) % 101
    if weighted in (
        0,
        1,
    ):  # 101 and 100 share the check digits 00 and 0: the two remainders that the scheme merges
        return
    assert not _passes(ids.parse_ipi, other)


@given(st.integers(0, 10**9 - 1))
def test_exactly_one_check_digit_fits_an_iswc(number):
    assert sum(_passes(ids.parse_iswc, f"T{number:09}{check}") for check in range(10)) == 1


@given(st.text(max_size=20))
def test_no_text_escapes_the_error_tree(text):
    for parse in (
        ids.parse_isrc,
        ids.parse_iswc,
        ids.parse_ipi,
        ids.parse_isni,
        ids.parse_upc,
        ids.parse_mbid,
    ):
        try:
            parse(text)
        except InputError:
            continue


def _passes(parse, text):
    try:
        parse(text)
    except InputError:
        return False
    return True
