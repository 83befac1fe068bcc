"""Layers point down: a file of router/ includes its own layer and lower ones, as "layer/file.h"."""

import re
from pathlib import Path

import tree

LAYERS = ["base", "net", "http", "fleet", "policy", "upstream", "proxy", "config", "control"]
# Programs of their own on the lower layers: not the control plane of the router, not each other.
PROGRAMS = ["agent", "ctl"]
QUOTED = re.compile(r'\s*#\s*include\s+"([^"]+)"')
ANY = re.compile(r'\s*#\s*include\s+(["<][^">]+[">])')


def allowed(layer):
    if layer in LAYERS:
        return LAYERS[: LAYERS.index(layer) + 1]
    if layer in PROGRAMS:
        return LAYERS[:-1] + [layer]
    return LAYERS  # main.c


def check_router(root, path):
    layer = path.parent.name if path.parent != root / "router" else "main.c"
    if layer not in LAYERS + PROGRAMS + ["main.c"]:
        yield f"{path.relative_to(root)}: {layer} is no layer; layers are {' < '.join(LAYERS)}"
        return
    own = path.with_suffix(".h")
    first = None
    for number, line in tree.lines(path):
        place = f"{path.relative_to(root)}:{number}"
        include = ANY.match(line)
        if include and first is None:
            first = include.group(1)
            if path.suffix == ".c" and own.exists() and first != f'"{layer}/{own.name}"':
                yield f'{place}: own header "{layer}/{own.name}" must come first, found {first}'
        quoted = QUOTED.match(line)
        if not quoted:
            continue
        target = Path(quoted.group(1))
        if (root / "include" / target).exists():
            continue
        if len(target.parts) != 2 or not (root / "router" / target).exists():
            yield f'{place}: "{target}" is no "layer/file.h" under router/'
        elif target.parts[0] not in allowed(layer):
            yield f"{place}: {layer} includes {target}, which is above it"


def check_outside(root, path):
    """Plugins and the public header know nothing of the router."""
    for number, line in tree.lines(path):
        quoted = QUOTED.match(line)
        if quoted and (root / "router" / quoted.group(1)).exists():
            yield f"{path.relative_to(root)}:{number}: includes {quoted.group(1)}; only <isochrone/policy.h> is public"


def check(root):
    root = Path(root)
    problems = []
    for path in tree.files(root, ["router"], (".c", ".h", ".cc", ".cpp")):
        problems += check_router(root, path)
    for path in tree.files(root, ["plugins", "include"], (".c", ".h", ".cc", ".cpp")):
        problems += check_outside(root, path)
    return problems


BAD = {
    "router/base/a.h": "",
    "router/base/a.c": '#include <stdio.h>\n#include "base/a.h"\n',
    "router/net/b.h": "",
    "router/base/up.c": '#include "net/b.h"\n',
    "router/net/loose.c": '#include "b.h"\n',
    "router/attic/c.c": "",
    "router/agent/d.c": '#include "control/e.h"\n',
    "router/control/e.h": "",
    "plugins/p/p.c": '#include "base/a.h"\n',
}
FOUND = [
    'router/attic/c.c: attic is no layer; layers are base < net < http < fleet < policy < upstream < proxy < config < control',
    "router/agent/d.c:1: agent includes control/e.h, which is above it",
    'router/base/a.c:1: own header "base/a.h" must come first, found <stdio.h>',
    "router/base/up.c:1: base includes net/b.h, which is above it",
    'router/net/loose.c:1: "b.h" is no "layer/file.h" under router/',
    "plugins/p/p.c:1: includes base/a.h; only <isochrone/policy.h> is public",
]
