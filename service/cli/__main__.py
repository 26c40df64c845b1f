"""`python -m service.cli`, for processes that the supervisor starts."""

from service.cli import main

main()
