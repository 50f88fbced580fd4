"""Stories of consumer groups, told by the state machine.

Each file under `groups/` is one story: a command, a line of dashes, and what the machine is expected to do. With
ODRADEK_REWRITE_STORIES=1 the expectations are written anew, to be read in the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from group_story import GroupStory

HERE = Path(__file__).parent
STORIES = sorted((HERE / "groups").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path):
    text = path.read_text()
    told = retell(text)
    if os.environ.get("ODRADEK_REWRITE_STORIES"):
        path.write_text(told)
    assert told == text


def retell(text):
    """The same script with what the machine does now. Blocks are separated by blank lines; `#` lines are the narrator's."""
    story, blocks = GroupStory(), []
    for block in text.strip().split("\n\n"):
        said = []
        for line in block.split("\n"):
            if line == "----":
                break
            said.append(line)
        commands = [line for line in said if not line.startswith("#")]
        happened = [story.tell(command) for command in commands]
        blocks.append("\n".join([*said, "----", *happened] if commands else said))
    return "\n\n".join(blocks) + "\n"
