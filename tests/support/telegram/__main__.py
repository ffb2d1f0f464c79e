"""``python -m tests.support.telegram --port N --state FILE``: the local Bot API on its own."""

import sys

from tests.support.telegram.process import main

main(sys.argv[1:])
