"""Tables of identities proven elsewhere: at an OpenID provider, on a platform."""

from __future__ import annotations
