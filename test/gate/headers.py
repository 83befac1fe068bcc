"""Every header compiles alone and may be included twice; the public one also as C++."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree

# Where Debian 12 has llhttp.h.
SYSTEM = ["-isystem", "/usr/share/include/llhttp"]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


def compile_alone(root, path, language, standard):
    compiler = os.environ.get("CC", "cc").split() if language == "c" else os.environ.get("CXX", "c++").split()
    public = path.is_relative_to(root / "include")
    source = f'#include "{path}"\n#include "{path}"\nextern int isochrone_gate;\n'
    command = [*compiler, "-x", language, f"-std={standard}", "-D_GNU_SOURCE", "-fsyntax-only",
               f"-I{root}/router", f"-I{root}/include", f"-I{root}/bench", *SYSTEM, *(STRICT if public else ["-Wall"]), "-"]
    run = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    if run.returncode == 0:
        return []
    why = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr.strip()[:200])
    return [f"{path.relative_to(root)}: does not compile alone as {language}: {why.replace(str(root) + '/', '')}"]


def check(root):
    root = Path(root).resolve()
    jobs = [(path, "c", "gnu11") for path in tree.files(root, ["router", "bench"], (".h",))]
    for path in tree.files(root, ["include"], (".h",)):
        jobs += [(path, "c", "c11"), (path, "c++", "c++17")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(lambda job: compile_alone(root, *job), jobs), [])


BAD = {
    "router/base/needy.h": "size_t needy(void);\n",
    "router/base/twice.h": "struct twice { int a; };\n",
    "include/isochrone/public.h": "#ifndef P\n#define P\nstruct p { int class; };\n#endif\n",
}
FOUND = [
    "router/base/needy.h: does not compile alone as c: ",
    "router/base/twice.h: does not compile alone as c: ",
    "include/isochrone/public.h: does not compile alone as c++: ",
]
