"""What the guards find in our own words, and where; what they leave alone; and text made to hold them up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.guards.check import read
from moderation.guards.contract import Finding, Guard, House
from moderation.guards.measure import labelled
from moderation.guards.phrases import LANGUAGES
from moderation.guards.words import in_words

HOUSE = House(money=50.0, hosts=frozenset({"brava.example"}))


def found(text: str, guard: Guard, house: House = HOUSE) -> list[str]:
    return [text[f.start : f.end] for f in read(text, "", house) if f.guard is guard]


def facts(text: str, guard: Guard, house: House = HOUSE) -> list[dict[str, str]]:
    return [dict(f.facts) for f in read(text, "", house) if f.guard is guard]


# ------------------------------------------------------------------ each guard


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sorry! Please send us a DM with your order.", "send us a DM"),
        ("ＤＭ us, p l e a s e.", "ＤＭ us"),
        ("Please co\u200bntact **us**.", "co\u200bntact **us"),
        ("Merci de nous écrire en privé.", "nous écrire"),
        ("C’est à voir ici : sav@brava.example.", "sav@brava.example"),
    ],
)
def test_deflection_is_found_where_it_stands(text: str, words: str) -> None:
    assert any(words in span for span in found(text, Guard.DEFLECTION))


@pytest.mark.parametrize(
    "text",
    [
        "Fill the tank, then press twice. Pictures: https://help.brava.example/tank",
        "Remplissez le réservoir. En images : https://brava.example/reservoir.",
        "You don't need to contact us, it is solved.",
        "Appelez le 112 si quelqu’un est blessé.",
    ],
)
def test_an_answer_with_our_own_page_is_no_deflection(text: str) -> None:
    assert found(text, Guard.DEFLECTION) == []


def test_whose_site_it_is_decides_whether_going_there_is_going_elsewhere() -> None:
    text = "Please head over to https://help.brava.example/tank"
    assert found(text, Guard.DEFLECTION) == []
    assert found(text, Guard.DEFLECTION, House()) != []


@pytest.mark.parametrize(
    ("text", "what", "words"),
    [
        ("Write to ada.b+c@example.org!", "e-mail address", "ada.b+c@example.org"),
        ("ada (at) example.org", "e-mail address", "ada (at) example.org"),
        ("Le 06 39 98 12 34 est bien à vous ?", "phone number", "06 39 98 12 34"),
        ("Your number is +44 7700 900123.", "phone number", "+44 7700 900123"),
        ("(212) 555-0147 rang out", "phone number", "(212) 555-0147"),
        ("Versé sur FR76 3000 6000 0112 3456 7890 189.", "bank account", "FR76 3000 6000 0112 3456 7890 189"),
        ("It is 12 4111-1111-1111-1111, right?", "card number", "4111-1111-1111-1111"),
        ("Your order 48213377 left.", "customer or order number", "48213377"),
        ("Votre réservation QX7P2L est là.", "customer or order number", "QX7P2L"),
        ("Livré au 14 rue des Lilas hier.", "street address", "14 rue des Lilas"),
        ("Sent to 221 Baker Road today.", "street address", "221 Baker Road"),
        ("You were born on 3 March 1990.", "date of birth", "3 March 1990"),
        ("Vous êtes née le 12/04/1987 ?", "date of birth", "12/04/1987"),
    ],
)
def test_personal_data_is_found_with_its_kind(text: str, what: str, words: str) -> None:
    assert (facts(text, Guard.PERSONAL_DATA), found(text, Guard.PERSONAL_DATA)) == ([{"what": what}], [words])


@pytest.mark.parametrize(
    "text",
    [
        "IBAN GB83 WEST 1234 5698 7654 32",  # its check digits are wrong
        "4111 1111 1111 1112",
        "support@brava.example or 0 800 555 123",
        "Build 20240117, part number 31022847, error 50012",
        "An order number looks like 48213377.",
        "Our shop at 3 Market Square is open.",
        "Notre boutique est au 3 place du Marché.",
        "We opened on 12/04/2019.",
        "@ada thanks!",
    ],
)
def test_what_is_nobodys_own_is_no_personal_data(text: str) -> None:
    assert found(text, Guard.PERSONAL_DATA) == []


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("We will refund you 120 € tomorrow.", "120 €"),
        ("Nous vous rembourserons 1 200,50 €.", "1 200,50 €"),
        ("I'll credit EUR 51 to you.", "EUR 51"),
        ("We'll give you $2k.", "$2k"),
        ("You were charged €10 and we'll refund you €60.", "€60"),
        ("We will refund you in full.", "refund you in full"),
        ("Nous vous remboursons la totalité.", "remboursons la totalité"),
        ("We'll refund you 30 €. You will get a voucher of 25 €, too.", "30 € + 25 €"),
    ],
)
def test_money_above_the_limit_is_found_with_its_amount(text: str, amount: str) -> None:
    assert [f["amount"] for f in facts(text, Guard.MONEY)] == [amount]


@pytest.mark.parametrize(
    "text",
    [
        "We will refund you 50 €.",
        "We'll refund you 30 €. The 30 € will be on your card tomorrow.",
        "We cannot refund the 120 €.",
        "The repair costs 120 €.",
        "You were charged 99 € twice.",
        "Nous ne pouvons pas rembourser les 120 €.",
    ],
)
def test_what_is_no_promise_above_the_limit_is_left_alone(text: str) -> None:
    assert found(text, Guard.MONEY) == []


@given(st.integers(1, 99_999), st.integers(0, 99_999))
def test_a_promise_is_found_exactly_when_it_is_above_the_limit(amount: int, limit: int) -> None:
    for text in (f"We will refund you {amount} €.", f"Nous vous rembourserons {amount} euros."):
        assert bool(found(text, Guard.MONEY, House(float(limit)))) == (amount > limit)


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("Use code SPRING20 at checkout.", Guard.SALES),
        ("Passez à la formule Pro !", Guard.SALES),
        ("As I already said, restart it.", Guard.TONE),
        ("Calmez-vous, ce n’est rien.", Guard.TONE),
        ("Hello {name}!", Guard.UNFILLED),
    ],
)
def test_the_other_guards(text: str, guard: Guard) -> None:
    assert found(text, guard)


# ------------------------------------------------------------------ whatever the text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_or_missing_language_is_no_way_past_a_guard(language: str) -> None:
    house, sentences = labelled(language)
    for sentence in sentences:
        assert read(sentence.text, "", house) == read(sentence.text, "fr", house) == read(sentence.text, "xx", house)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["DM us", "50 €", "refund you", "ada@example.org", "{x}", "4111 1111"]))
def test_findings_lie_in_the_text_in_order_and_have_sentences(text: str, words: str) -> None:
    whole = f"{text}{words}{text}"
    findings = read(whole, "", HOUSE)
    assert list(findings) == sorted(findings, key=lambda f: f.start)
    for finding in findings:
        assert 0 <= finding.start < finding.end <= len(whole)
        assert all("{" not in in_words(finding, locale) or "{" in whole for locale in ("en", "fr"))
    assert read(whole, "", HOUSE) == findings


def test_the_same_stretch_is_said_once_in_a_sentence_without_end() -> None:
    text = "and so on " * 40 + "please send us a DM with it " + "and so on " * 40
    assert len(found(text, Guard.DEFLECTION)) == 1


def test_what_is_found_is_said_in_both_languages() -> None:
    finding = Finding(Guard.PERSONAL_DATA, 0, 1, {"what": "card number"})
    assert "card number" in in_words(finding, "en")
    assert "un numéro de carte" in in_words(finding, "fr")
    assert "certificate" in in_words(Finding(Guard.UNFILLED, facts={"name": "certificate"}), "fr")


HOSTILE = """
import sys
from moderation.guards.check import read
from moderation.guards.contract import House
parts = ["1", "1 ", "123 ", "a", "a@", "a.", "a.b-c+", "+1 ", "(", "{ a", "https://", "https://a ", "FR76 ", "FR76",
         "4111 1111 1111 1112 ", "dont dm us ", "send us a dm ", "we will refund you 9 euros and call us ", "€1",
         "1,111", "A1-", "1 A A A A ", "1 rue de la ", "1/1/", "*", "a b c ", "\\u200b", "e\\u0301", "'", "a [at] ",
         "https://a/(", "xdesk xmail ", "the ", "\\n", "_", "#"]
for part in parts:
    read((part * 20_000)[:20_000], "", House())
print("done")
"""


def test_hostile_text_never_hangs() -> None:
    ran = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=280, check=False)
    assert ran.stdout == "done\n", ran.stderr
