"""What a password costs whoever guesses it. A process of its own: the other tests hash cheaply."""

from __future__ import annotations

import subprocess
import sys


def test_a_password_is_hashed_at_the_full_cost_and_still_matches() -> None:
    script = (
        "from service.auth.passwords import hash_password, matches\n"
        "kept = hash_password('four words and a comma')\n"
        "print(kept.split('$')[0], matches(kept, 'four words and a comma'), matches(kept, 'four words, a comma'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["scrypt:32768:8:3", "True", "False"]
