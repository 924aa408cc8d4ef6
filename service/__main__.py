"""`python -m service` is the command `beatwatch`."""

from service.cli import run

run()
