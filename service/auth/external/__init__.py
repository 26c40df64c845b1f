"""Proof of who somebody is elsewhere: at the company's OpenID provider, on a fediverse server, on a forum."""
