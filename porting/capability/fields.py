"""Kinds of field that many parts of a table's form have; `models` says what may stand for each."""

from typing import TypeAlias

from porting.capability.versions import Versions

Line: TypeAlias = str
"""Text that reports show as it is: a line of its own could pass for one of theirs."""

OneOrMore: TypeAlias = list[str]
"""Texts, or a single one."""

Ranges: TypeAlias = Versions
"""Whole numbers, such as `11..18`."""
