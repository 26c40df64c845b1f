"""Guards in words, for the person who is about to speak for the brand."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.guards.contract import Finding, Guard

_EN: Mapping[Guard, str] = {
    Guard.EMPTY: "There is nothing to send yet.",
    Guard.TOO_LONG: "{over} characters too many: this platform takes {most}.",
    Guard.TOO_SHORT: "Too short: this platform wants {least} characters.",
    Guard.UNFILLED: "“{name}” is not filled in.",
    Guard.NO_ALT: "A picture has no description. Say in words what it shows, for those who cannot see it.",
    Guard.GONE: "The post to answer is gone, closed or no longer public.",
    Guard.DEFLECTION: "This asks the person to write elsewhere. Answer here instead?",
    Guard.SALES: "This reads like a sales pitch. The desk helps; it does not sell.",
    Guard.PERSONAL_DATA: "There is personal data in this: {what}. Everybody can read it.",
    Guard.MONEY: "This promises “{amount}”, above what one person may promise.",
    Guard.TONE: "Our own tone may hurt here.",
    Guard.LINK: "This link does not open: {url} ({why}).",
    Guard.ANSWERED: "{count} new since you began; the last is by {name}. Read it, then send, or change your answer.",
}
_FR: Mapping[Guard, str] = {
    Guard.EMPTY: "Il n’y a encore rien à envoyer.",
    Guard.TOO_LONG: "{over} caractères de trop : cette plateforme en accepte {most}.",
    Guard.TOO_SHORT: "Trop court : cette plateforme demande {least} caractères.",
    Guard.UNFILLED: "« {name} » n’est pas rempli.",
    Guard.NO_ALT: "Une image n’a pas de description. Dites ce qu’elle montre, pour qui ne peut pas la voir.",
    Guard.GONE: "Le message auquel répondre a disparu, est fermé ou n’est plus public.",
    Guard.DEFLECTION: "Cela demande à la personne d’écrire ailleurs. Répondre plutôt ici ?",
    Guard.SALES: "Cela ressemble à de la vente. Ici on aide, on ne vend pas.",
    Guard.PERSONAL_DATA: "Il y a des données personnelles ici : {what}. Tout le monde peut les lire.",
    Guard.MONEY: "Cela promet « {amount} », plus que ce qu’une personne seule peut promettre.",
    Guard.TONE: "Notre propre ton peut blesser ici.",
    Guard.LINK: "Ce lien ne s’ouvre pas : {url} ({why}).",
    Guard.ANSWERED: "{count} nouveau(x) depuis que vous écrivez ; le dernier est de {name}. Lisez, puis envoyez "
    "ou changez votre réponse.",
}


#: Facts that are codes: English words for what guards and `usecases.links` find.
_CODED = frozenset({"what", "why"})
_CODES_FR: Mapping[str, str] = {
    "e-mail address": "une adresse e-mail",
    "phone number": "un numéro de téléphone",
    "bank account": "un compte bancaire",
    "card number": "un numéro de carte",
    "customer or order number": "un numéro de client ou de commande",
    "street address": "une adresse postale",
    "date of birth": "une date de naissance",
    "no answer": "pas de réponse",
    "no such host": "ce site n’existe pas",
    "certificate": "certificat non valable",
    "too many redirects": "trop de redirections",
    "not a web address": "ce n’est pas une adresse web",
    "refused: private address": "refusé : adresse privée",
}


class _Kept(dict[str, str]):
    """A fact that is missing leaves its place open instead of breaking the sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def in_words(finding: Finding, locale: str = "en") -> str:
    """The finding as one or two sentences in English or French."""
    if locale != "fr":
        return _EN[finding.guard].format_map(_Kept(finding.facts))
    coded = {name: _CODES_FR.get(finding.facts[name], finding.facts[name]) for name in _CODED & set(finding.facts)}
    return _FR[finding.guard].format_map(_Kept({**finding.facts, **coded}))
