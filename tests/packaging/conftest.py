"""What these tests share lies beside them, importable by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
