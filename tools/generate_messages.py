"""Generate `src/odradek/wire/messages/` from the schema table. Run after each change of `tools/schema/`; commit the result.

Why generated, straight-line code: an interpreter of schemas (kio, kafka-python) spends ten times as long on a
message, and the codecs are half of what a broker in Python does. Why committed: the package needs no build step, and
the reader can step through it.

    python tools/generate_messages.py           write the modules and the registry
    python tools/generate_messages.py --check   exit 1 if what is committed differs from what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path

from codegen.module import generate
from codegen.registry import generate_registry
from schema_table import Table, parse_table

SCHEMA_DIR = Path(__file__).parent / "schema"
WIRE_DIR = Path(__file__).parent.parent / "src" / "odradek" / "wire"


def read_tables() -> list[Table]:
    """Every table, APIs in the order of their keys and stored records last."""
    tables = [parse_table(path.read_text(), path.stem) for path in sorted(SCHEMA_DIR.glob("*.txt"))]
    return sorted(tables, key=lambda t: (t.api_key is None, t.api_key or 0, t.name))


def outputs(tables: list[Table]) -> dict[Path, str]:
    """The text of every generated file."""
    files = {WIRE_DIR / "messages" / f"{table.name}.py": generate(table) for table in tables}
    files[WIRE_DIR / "api_table.py"] = generate_registry(tables)
    return files


def main() -> int:
    """Write, or compare when `--check` is given."""
    files = outputs(read_tables())
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += sorted(set((WIRE_DIR / "messages").glob("[a-z]*.py")) - set(files))
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.name} is not what tools/generate_messages.py writes")
        return 1 if stale else 0
    for path in stale:
        if path in files:
            path.write_text(files[path])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
