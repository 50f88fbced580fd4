"""Files of a log as somebody who investigates wants them: shown, judged, repaired. Synchronous, for tools.

Works on the files of a broker that isn't running, Odradek's or Apache Kafka's, and (for showing and judging) on a
running one's as far as they are written. Three verbs, one module each:

- `dump(path)`: what a file says, as plain named tuples;
- `verify(path)`: what is wrong with a file, a partition's directory or a whole data directory, as findings with file,
  position and reason; nothing is changed;
- `repair(directory)`: the acts that would make a partition's directory sound again; carried out only when told so.
  Bytes that are cut are copied first.
"""

from odradek.log.inspect.dump import InspectError, Kind, dump, kind_of, known_files
from odradek.log.inspect.repair import Act, repair
from odradek.log.inspect.scanning import missing_from, missing_partition
from odradek.log.inspect.verify import Finding, Severity, verify

__all__ = [
    "Act",
    "Finding",
    "InspectError",
    "Kind",
    "Severity",
    "dump",
    "kind_of",
    "known_files",
    "missing_from",
    "missing_partition",
    "repair",
    "verify",
]
