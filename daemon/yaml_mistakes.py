"""What is likely to be wrong where YAML's own error tells what its parser was doing."""

from __future__ import annotations

import re

import yaml

_OPEN_QUOTE = re.compile(r"""^[^#]*[:\[{,-] +(["'])(?!.*\1)""")  # a value that begins with a quote, and has no other


def explain(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line, from 1, and the likely cause with its remedy."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    begin = error.context_mark.line + 1 if error.context_mark else line  # of what the parser was reading
    context, problem = error.context or "", error.problem or ""
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "tags (" in problem:
        return line, problem
    if "quoted scalar" in context:
        return begin, "the quote that opens in this line is not closed: add the missing quote"
    if "expected ':'" in problem:
        return begin, "the name at the start of this line needs a colon and a space after it, as in `name: value`"
    unclosed = [number for number, each in enumerate(lines[:line], 1) if _OPEN_QUOTE.search(each)]
    if unclosed:
        return unclosed[-1], "the quote that opens in this line is not closed: add the missing quote"
    if "flow sequence" in context or "flow mapping" in context:
        return begin, "the bracket that opens in this line is not closed, or a comma within is missing: add it"
    if "'\\t'" in problem:
        return line, "a tab: indent with spaces"
    if "cannot start any token" in problem:
        return line, f"{problem.removeprefix('found ')}: put the text in quotes"
    if "mapping values" in problem and re.match(r"[^#]*:\s[^#]*:\s", shown):
        return line, "a text with a colon needs quotes"
    if "mapping values" in problem:
        return (
            line,
            "this line is indented deeper than the line before, which has a value already: correct the indentation",
        )
    if "expected <block end>" in problem:
        return line, f"the indentation fits no line before (the block begins in line {begin}): correct the indentation"
    return line, f"{', '.join(part for part in (context, problem) if part)}: correct the YAML there"
