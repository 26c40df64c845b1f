"""The words of statements of reasons, English and French: to authors, and to the EU's database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: English and French, by category and keyword.
CATEGORY_WORDS: Mapping[str, tuple[str, str]] = {
    "STATEMENT_CATEGORY_ANIMAL_WELFARE": ("Animal welfare", "Bien-être animal"),
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION": ("Consumer information", "Information des consommateurs"),
    "STATEMENT_CATEGORY_CYBER_VIOLENCE": ("Cyber violence", "Cyberviolence"),
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN": (
        "Cyber violence against women",
        "Cyberviolence envers les femmes",
    ),
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS": (
        "Data protection and privacy",
        "Données personnelles et vie privée",
    ),
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH": (
        "Illegal or harmful speech",
        "Propos illicites ou préjudiciables",
    ),
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS": ("Intellectual property", "Propriété intellectuelle"),
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS": (
        "Civic discourse or elections",
        "Débat public ou élections",
    ),
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS": ("Protection of minors", "Protection des mineurs"),
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY": ("Risk for public security", "Risque pour la sécurité publique"),
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD": ("Scams and fraud", "Arnaques et fraudes"),
    "STATEMENT_CATEGORY_SELF_HARM": ("Self-harm", "Automutilation et suicide"),
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS": (
        "Unsafe or prohibited products",
        "Produits dangereux ou interdits",
    ),
    "STATEMENT_CATEGORY_VIOLENCE": ("Violence", "Violence"),
    "STATEMENT_CATEGORY_OTHER_VIOLATION_TC": ("Against the community’s rules", "Contraire aux règles du lieu"),
    "KEYWORD_HIDDEN_ADVERTISEMENT": ("Hidden advertisement", "Publicité déguisée"),
    "KEYWORD_CYBER_BULLYING_INTIMIDATION": ("Bullying and intimidation", "Intimidation"),
    "KEYWORD_CYBER_HARASSMENT": ("Harassment", "Harcèlement"),
    "KEYWORD_CYBER_INCITEMENT": ("Incitement to hatred or violence online", "Incitation en ligne à la haine"),
    "KEYWORD_CYBER_STALKING": ("Stalking", "Traque en ligne"),
    "KEYWORD_DEFAMATION": ("Defamation", "Diffamation"),
    "KEYWORD_DISCRIMINATION": ("Discrimination", "Discrimination"),
    "KEYWORD_HATE_SPEECH": ("Hate speech", "Discours de haine"),
    "KEYWORD_COPYRIGHT_INFRINGEMENT": ("Copyright", "Droit d’auteur"),
    "KEYWORD_TRADEMARK_INFRINGEMENT": ("Trade marks", "Marques"),
    "KEYWORD_MISINFORMATION_DISINFORMATION": ("Disinformation", "Désinformation"),
    "KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS": ("Limits of age", "Limites d’âge"),
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL": ("Child sexual abuse material", "Contenu pédocriminel"),
    "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS": ("Grooming of minors", "Sollicitation de mineurs"),
    "KEYWORD_TERRORIST_CONTENT": ("Terrorist content", "Contenu terroriste"),
    "KEYWORD_RISK_PUBLIC_HEALTH": ("Risk for public health", "Risque pour la santé publique"),
    "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING": ("Impersonation or a hijacked account", "Usurpation d’identité"),
    "KEYWORD_INAUTHENTIC_ACCOUNTS": ("Inauthentic accounts", "Faux comptes"),
    "KEYWORD_INAUTHENTIC_USER_REVIEWS": ("Inauthentic reviews", "Faux avis"),
    "KEYWORD_PHISHING": ("Phishing", "Hameçonnage"),
    "KEYWORD_SUICIDE": ("Suicide", "Suicide"),
    "KEYWORD_PROHIBITED_PRODUCTS": ("Prohibited products", "Produits interdits"),
    "KEYWORD_UNSAFE_PRODUCTS": ("Unsafe products", "Produits dangereux"),
    "KEYWORD_INCITEMENT_VIOLENCE_HATRED": ("Calls for violence or hatred", "Appels à la violence ou à la haine"),
    "KEYWORD_ADULT_SEXUAL_MATERIAL": ("Sexual material", "Contenu sexuel"),
    "KEYWORD_GOODS_SERVICES_NOT_PERMITTED": ("Goods or services not permitted here", "Offres non admises ici"),
    "KEYWORD_LANGUAGE_REQUIREMENTS": ("Language of the place", "Langue du lieu"),
    "KEYWORD_NUDITY": ("Nudity", "Nudité"),
}

TITLES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "hide": "A message in a public community was hidden.",
        "lock": "A conversation in a public community was closed to new messages.",
        "warn": "A member of a public community was warned.",
        "silence": "A member of a public community may read but not write for a time.",
        "suspend": "An account in a public community was suspended.",
    },
    "fr": {
        "hide": "Un message d’une communauté publique a été masqué.",
        "lock": "Une conversation d’une communauté publique a été fermée aux nouveaux messages.",
        "warn": "Un membre d’une communauté publique a reçu un avertissement.",
        "silence": "Un membre d’une communauté publique peut lire mais plus écrire pendant un temps.",
        "suspend": "Un compte d’une communauté publique a été suspendu.",
    },
}
FACTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "NOTICE": "A moderator read it after a notice of illegal content, and decided.",
        "REPORT": "A moderator read it after a report by a member, and decided.",
        "VOLUNTARY": "A moderator read it on their own initiative, and decided.",
    },
    "fr": {
        "NOTICE": "Un modérateur l’a lu après une notification de contenu illicite, et a décidé.",
        "REPORT": "Un modérateur l’a lu après le signalement d’un membre, et a décidé.",
        "VOLUNTARY": "Un modérateur l’a lu de sa propre initiative, et a décidé.",
    },
}
FACTS_BY_RULE: Mapping[str, str] = {
    "en": "A rule on words, switched on by the moderators, found it and acted by itself.",
    "fr": "Une règle portant sur des mots, activée par les modérateurs, l’a trouvé et a agi d’elle-même.",
}
GROUND: Mapping[str, str] = {"en": "The rules of the community", "fr": "Les règles de la communauté"}
ENDS: Mapping[str, str] = {"en": "It ends on {until} UTC.", "fr": "La mesure prend fin le {until} UTC."}

LETTER: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "A decision by the moderators",
        "did": {
            "hide": "Your message in “{community}” was hidden.",
            "lock": "Your conversation in “{community}” was closed to new messages.",
            "warn": "This is a warning about what you wrote in “{community}”.",
            "silence": "You may read but not write in “{community}” for a time.",
            "suspend": "Your account in “{community}” was suspended.",
        },
        "law": "Illegal content, by this law: {law}",
        "rule": "Against the rule: {rule}",
        "rules": "Against the rules of the community.",
        "reason": "Reason: {reason}",
        "contest": "All reasons, and how to contest it until {until}: {contest}",
        "number": "To contest it until {until}, write to the moderators and name statement {contest}.",
    },
    "fr": {
        "title": "Une décision de la modération",
        "did": {
            "hide": "Votre message dans « {community} » a été masqué.",
            "lock": "Votre conversation dans « {community} » a été fermée aux nouveaux messages.",
            "warn": "Ceci est un avertissement au sujet de ce que vous avez écrit dans « {community} ».",
            "silence": "Vous pouvez lire mais plus écrire dans « {community} » pendant un temps.",
            "suspend": "Votre compte dans « {community} » a été suspendu.",
        },
        "law": "Contenu illicite, selon : {law}",
        "rule": "Contraire à la règle : {rule}",
        "rules": "Contraire aux règles de la communauté.",
        "reason": "Motif : {reason}",
        "contest": "Tous les motifs, et comment contester jusqu’au {until} : {contest}",
        "number": ("Pour contester jusqu’au {until}, écrivez à la modération en indiquant la décision {contest}."),
    },
}
OUTCOMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Your appeal was decided",
        "upheld": "Another person looked at it: the decision stands.",
        "overturned": "Another person looked at it: you were right. The decision is being taken back.",
        "final": "Another person looked at it: you were right. What was done cannot be undone, but it does not count.",
        "reason": "Reason: {reason}",
    },
    "fr": {
        "title": "Votre contestation a été examinée",
        "upheld": "Une autre personne l’a examinée : la décision est maintenue.",
        "overturned": "Une autre personne l’a examinée : vous aviez raison. La décision est annulée.",
        "final": (
            "Une autre personne l’a examinée : vous aviez raison. "
            "Ce qui a été fait ne peut être défait, mais ne compte plus."
        ),
        "reason": "Motif : {reason}",
    },
}
