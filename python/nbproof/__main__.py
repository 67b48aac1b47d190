"""``python -m nbproof``: the same as the command ``nbproof``."""

import sys

from nbproof.cli.main import main

sys.exit(main())
