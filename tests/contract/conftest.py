"""What every test of the contract suite shares."""

from tests.support.tls import authorities_read_once

__all__ = ["authorities_read_once"]
