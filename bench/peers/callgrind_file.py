"""Reads what callgrind writes. callgrind_annotate counts the frames that were open when a dump was taken twice; this does not."""

import re
from dataclasses import dataclass


@dataclass
class Function:
    name: str
    object: str
    own: int = 0
    inclusive: int = 0  # with what it calls; too much where it calls itself


def read_functions(file):
    """(object, name) -> Function; names of objects are without their folders and versions."""
    names = {"ob": {}, "fn": {}}

    def resolve(kind, text):
        number, name = re.match(r"\((\d+)\) ?(.*)", text).groups()
        return names[kind].setdefault(number, name)

    found = {}
    where, now, of_a_call = "?", None, False
    for line in file.read_text().splitlines():
        key, mark, value = line.partition("=")
        if mark and key in ("ob", "fn", "cob", "cfn", "fl", "fi", "fe", "cfi", "cfl"):
            if key == "ob":
                where = re.sub(r"\.so.*", "", resolve("ob", value).rsplit("/", 1)[-1])
            elif key == "fn":
                name = resolve("fn", value)
                now = found.setdefault((where, name), Function(name, where))
            elif key in ("cob", "cfn"):
                resolve(key[1:], value)
        elif mark and key == "calls":
            of_a_call = True
        elif now and re.match(r"[0-9+*-]", line):
            cost = int(line.split()[-1])
            now.inclusive += cost
            now.own += 0 if of_a_call else cost
            of_a_call = False
    return found
