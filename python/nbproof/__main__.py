"""``python -m nbproof`` is the command `nbproof`."""

import sys

from nbproof.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
