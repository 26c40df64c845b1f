"""The rules that a new desk starts with, in words of our own; managers change them as their communities want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FirstRule:
    """`title` and `text` by language; `category` is a category or keyword of `moderation.statements`."""

    title: Mapping[str, str]
    text: Mapping[str, str]
    category: str


FIRST_RULES = (
    FirstRule(
        {"en": "Be kind to people", "fr": "Respectez les personnes"},
        {
            "en": "Say what is wrong with a product or an idea, never with a person. No insults, no mockery.",
            "fr": "Critiquez un produit ou une idée, jamais une personne. Ni insultes, ni moqueries.",
        },
        "KEYWORD_CYBER_BULLYING_INTIMIDATION",
    ),
    FirstRule(
        {"en": "No hate", "fr": "Pas de haine"},
        {
            "en": "Nobody is attacked for who they are: origin, religion, gender, orientation, disability, age.",
            "fr": "Personne n’est attaqué pour ce qu’il est : origine, religion, genre, orientation, handicap, âge.",
        },
        "KEYWORD_HATE_SPEECH",
    ),
    FirstRule(
        {"en": "No threats, no harassment", "fr": "Ni menaces, ni harcèlement"},
        {
            "en": "No threats, not even in jest. When somebody asks to be left alone, leave them alone.",
            "fr": "Pas de menaces, même pour rire. Si quelqu’un demande qu’on le laisse tranquille, laissez-le.",
        },
        "KEYWORD_CYBER_HARASSMENT",
    ),
    FirstRule(
        {"en": "Private things stay private", "fr": "Ce qui est privé le reste"},
        {
            "en": "No addresses, phone numbers, order numbers or pictures of others. Be careful with your own.",
            "fr": "Ni adresses, ni numéros, ni photos d’autres personnes. Soyez prudent avec les vôtres.",
        },
        "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    ),
    FirstRule(
        {"en": "No spam, no hidden advertising", "fr": "Ni spam, ni publicité déguisée"},
        {
            "en": "Do not advertise, and do not post the same thing again and again. Say so if you are paid to write.",
            "fr": "Pas de publicité ni de messages répétés. Dites-le si vous êtes payé pour écrire.",
        },
        "KEYWORD_HIDDEN_ADVERTISEMENT",
    ),
    FirstRule(
        {"en": "No deceit", "fr": "Pas de tromperie"},
        {
            "en": "Do not pretend to be somebody else, invent reviews, or lead people to false sites.",
            "fr": "Ne vous faites pas passer pour un autre, n’inventez pas d’avis, ne menez pas vers de faux sites.",
        },
        "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    ),
    FirstRule(
        {"en": "Nothing dangerous", "fr": "Rien de dangereux"},
        {
            "en": "No advice that can hurt people, such as opening a device under power or removing what protects.",
            "fr": "Pas de conseils qui blessent, comme ouvrir un appareil sous tension ou retirer une protection.",
        },
        "KEYWORD_UNSAFE_PRODUCTS",
    ),
    FirstRule(
        {"en": "Stay with the subject", "fr": "Restez dans le sujet"},
        {
            "en": "Write where it belongs and once. Begin a conversation of your own for another question.",
            "fr": "Écrivez au bon endroit et une seule fois. Pour une autre question, ouvrez une conversation.",
        },
        "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    ),
)
