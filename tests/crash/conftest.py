"""Crash proofs: what was acknowledged is there afterwards, whatever happened. Helpers beside this file are imported by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
