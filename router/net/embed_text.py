"""Writes a text file as a C string: embed_text.py IN OUT.c symbol."""
import sys

source, target, symbol = sys.argv[1:]
with open(source, encoding="ascii") as text:
    lines = text.read().splitlines()
with open(target, "w", encoding="ascii") as out:
    out.write(f"extern const char {symbol}[];\nconst char {symbol}[] =\n")
    for line in lines:
        escaped = line.replace("\\", "\\\\").replace('"', '\\"')
        out.write(f'    "{escaped}\\n"\n')
    out.write("    ;\n")
