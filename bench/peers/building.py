"""The build that is measured, and the way to the tests' kit. Import this first."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test"))

# As the container's image is: -O3, link-time optimised; the debug symbols beside it cost nothing and give profiles names.
OPTIONS = ["-Dbuildtype=release", "-Db_lto=true", "-Ddebug=true", "-Dtests=false"]


def choose():
    """ISOCHRONE_BUILD, or else build-release/, made here; kit.process reads the variable, so this comes before it."""
    if os.environ.get("ISOCHRONE_BUILD"):
        return
    folder = TOP / "build-release"
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", *OPTIONS, folder, TOP], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder], check=True, stdout=subprocess.DEVNULL)
    os.environ["ISOCHRONE_BUILD"] = str(folder)


def commit():
    """The commit that is measured, with a + where the tree has changes that are not in it."""
    if shutil.which("git") is None:
        return "unknown"
    said = subprocess.run(["git", "-C", TOP, "describe", "--always", "--exclude=*", "--dirty=+"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"
