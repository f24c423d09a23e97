"""GTINs: the same number in every spelling, and none with a wrong check digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.catalogue.gtin import gtin14, gtins_in, lost_digits, spellings, tidy_cell, upc_a

BODIES = st.text("0123456789", min_size=12, max_size=12).filter(
    lambda body: int(body) >= 10_000_000
)


def check_digit(body: str) -> str:
    """The GS1 rule as a person does it: from the right 3, 1, 3, ...; up to the next ten."""
    total, weight = 0, 3
    for digit in reversed(body):
        total += weight * int(digit)
        weight = 4 - weight
    check = 0
    while (total + check) % 10:
        check += 1
    return str(check)


@given(BODIES)
def test_every_spelling_of_a_number_is_the_same_number(body: str) -> None:
    gtin = f"0{body}{check_digit(body)}"
    assert gtin14(gtin) == gtin
    for written in spellings(gtin):
        assert gtin14(written) == gtin
        assert gtin14(f" {written} ") == gtin
    assert gtin.lstrip("0") in spellings(gtin)


@given(BODIES, st.integers(1, 9))
def test_a_wrong_check_digit_says_nothing(body: str, off: int) -> None:
    wrong = (int(check_digit(body)) + off) % 10
    assert gtin14(f"{body}{wrong}") is None


@given(BODIES, st.integers(0, 11), st.integers(1, 9))
def test_one_misread_digit_says_nothing(body: str, place: int, off: int) -> None:
    other = body[:place] + str((int(body[place]) + off) % 10) + body[place + 1 :]
    assert gtin14(other + check_digit(body)) is None


@pytest.mark.parametrize(
    ("written", "gtin"),
    [
        ("4006381333931", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("36000291452", "00036000291452"),
        ("0 36000 29145 2", "00036000291452"),
        ("0-36000-29145-2", "00036000291452"),
        ("4006381333931.0", "04006381333931"),
        ("96385074", "00000096385074"),
        ("01234565", "00012345000065"),
        ("15400141288763", "15400141288763"),
    ],
)
def test_numbers_of_the_standard_and_of_packs_are_known(written: str, gtin: str) -> None:
    assert gtin14(written) == gtin


@pytest.mark.parametrize("written", ["", "0", "00000000", "abc", "4.00638E+12", "1" * 15, "12 34x"])
def test_what_is_no_gtin_is_none(written: str) -> None:
    assert gtin14(written) is None


@pytest.mark.parametrize(
    ("short", "long"),
    [("01234505", "012000003455"), ("01234515", "012100003455"), ("01234525", "012200003455"),
     ("01234535", "012300000455"), ("01234545", "012340000055"), ("01234565", "012345000065")],
)  # fmt: skip
def test_a_upc_e_grows_by_the_rule_of_its_last_digit(short: str, long: str) -> None:
    assert upc_a(short) == long


PEN, MUG = "4006381333931", "036000291452"
FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in PEN)
ARABIC = "".join(chr(0x0660 + int(digit)) for digit in PEN)


@pytest.mark.parametrize(
    "cell",
    [
        f"'{PEN}", f'="{PEN}"', f'"{PEN}"', f"={PEN}", f"{PEN}.0", f"{PEN},00",
        f"\ufeff{PEN}\u200b", f"{PEN}\xa0", FULL_WIDTH, ARABIC, f"EAN: {PEN}",
        f"EAN13 {PEN}", f"EAN{PEN}",
        f"GTIN-14: 0{PEN}", f"Barcode {PEN}", f"{PEN} (EAN)", f"(01)0{PEN}", f"(01)0{PEN}(10)A1",
        "4006381\u2013333931", "4,006,381,333,931", "4.006.381.333.931", "4.006381333931E+12",
    ],
)  # fmt: skip
def test_a_gtin_is_known_as_a_spreadsheet_or_a_person_writes_it(cell: str) -> None:
    assert gtins_in(cell) == (f"0{PEN}",)
    assert tidy_cell(cell) == PEN


@pytest.mark.parametrize(
    "between", [";", "; ", ",", ", ", "|", "/", "\n", " ", " and ", "', '", " EAN: "]
)
def test_a_cell_may_hold_several_gtins(between: str) -> None:
    cell = f"[{PEN}{between}{MUG}]"
    assert gtins_in(cell) == (f"0{PEN}", f"00{MUG}")
    assert tidy_cell(cell) == f"{PEN};{MUG}"


def test_leading_zeros_that_were_lost_are_known() -> None:
    assert gtins_in("36000291452.0") == gtins_in("'36000291452") == (f"00{MUG}",)


@pytest.mark.parametrize("cell", ["3.6E+12", "4.00638E+12", "4,00638e12", "'4.00638133393E+12"])
def test_a_number_that_lost_digits_is_no_gtin_and_stays_as_it_is(cell: str) -> None:
    assert lost_digits(cell)
    assert gtins_in(cell) == ()
    assert tidy_cell(cell) == cell


@given(BODIES)
def test_a_number_in_a_usual_spelling_stays_as_the_table_writes_it(body: str) -> None:
    for written in spellings(f"0{body}{check_digit(body)}"):
        assert tidy_cell(written) == written
        assert not lost_digits(written)


@given(st.text(max_size=30))
def test_any_text_at_all_can_stand_in_a_cell(cell: str) -> None:
    tidy = tidy_cell(cell)
    assert gtins_in(tidy) == gtins_in(cell)
    assert tidy_cell(tidy) == tidy
