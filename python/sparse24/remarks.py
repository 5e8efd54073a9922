"""Reads the compiler's remarks: what was taken or left dense, and why."""

import re
from dataclasses import dataclass, field
from typing import Dict


@dataclass
class Remark:
    """One remark; `arguments` are the compiler's words, numbers as text."""

    kind: str
    name: str = ""
    function: str = ""
    message: str = ""
    arguments: Dict[str, str] = field(default_factory=dict)

    @property
    def is_taken(self):
        return self.kind == "Passed"

    def number(self, key, default=None):
        """Gives an argument as a number, or the default where it is absent."""
        text = self.arguments.get(key)
        try:
            return default if text is None else float(text)
        except ValueError:
            return default


_ENTRY = re.compile(r"^(?P<dash> *- +)?(?P<key>[A-Za-z]\w*): *(?P<value>.*)$")


def _scalar(text):
    """Undoes YAML's quoting."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])
    return text


def parse_remarks(text):
    """Parses remarks in LLVM's YAML format, as sparse24-opt writes them.

    The format is a small part of YAML (a flat mapping with one list of
    single-key mappings), so that no YAML package is needed.
    """
    remarks = []
    for document in re.split(r"^--- *!", text, flags=re.MULTILINE)[1:]:
        lines = document.splitlines()
        remark = Remark(kind=lines[0].strip())
        for line in lines[1:]:
            match = _ENTRY.match(line)
            if not match:
                continue
            key, value = match["key"], _scalar(match["value"])
            if match["dash"]:
                if key == "Remark":
                    remark.message = value
                else:
                    remark.arguments[key] = value
            elif key == "Name":
                remark.name = value
            elif key == "Function":
                remark.function = value
        remarks.append(remark)
    return remarks


def read_remarks(path):
    """Reads a file of remarks; one that isn't there has none."""
    try:
        with open(path, encoding="utf-8") as stream:
            return parse_remarks(stream.read())
    except FileNotFoundError:
        return []
