#!/usr/bin/env python3
"""The tools of the client kits: linters, generators, and checks against a running shop.

    clients/tool.py install               installs linters and generators into .local/clients, as pinned by the lock files
    clients/tool.py types                 writes clients/typescript/src/schema.d.ts from the reference
    clients/tool.py check [--url URL]     lints, compiles and tests; with the address of a local stack also the journeys
    clients/tool.py generators --url URL  generates a client by each of four generators, compiles it and runs a journey

Only npm and PyPI are asked, and only for packages of `package-lock.json` and `requirements.txt`.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / "clients"
KIT = CLIENTS / "typescript"
REFERENCE = ROOT / "shared/contracts/openapi.json"
EVENTS = ROOT / "shared/contracts/events/asyncapi.json"
LOCAL = ROOT / ".local/clients"
NODE = LOCAL / "node"
PYTHON = LOCAL / "python"
BUILT = LOCAL / "kit"
TYPES = KIT / "src/schema.d.ts"
MODULES = NODE / "node_modules"

# No tool reports its use, looks for a newer version of itself, or picks up a proxy.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "npm_config_update_notifier": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Failed(Exception):
    pass


def run(*command, cwd=ROOT, **environment):
    """Runs a command. Its output is shown only if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def npx(program, *arguments, **options):
    return run("node", MODULES / program, *arguments, **options)


def unless_done(stamp, inputs, step):
    """Does a step, unless it has succeeded with the same files and the same tools before."""
    tools = [Path(__file__), CLIENTS / "package-lock.json", CLIENTS / "requirements.txt"]
    paths = [path for given in [*inputs, *tools] for path in [given, *sorted(given.rglob("*"))]]
    # By name and content: a file that was renamed is another.
    files = [(str(path), path.read_bytes()) for path in paths if path.is_file()]
    digest = hashlib.sha256(repr((files, sys.version)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    step()
    stamp.write_text(digest)


def install():
    """Installs the npm packages, unless those of the lock file are there."""
    lock = (CLIENTS / "package-lock.json").read_text()
    stamp = NODE / "installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(CLIENTS / name, NODE / name)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=NODE)
    stamp.write_text(lock)


def generated_types():
    out = LOCAL / "schema.d.ts"
    npx("openapi-typescript/bin/cli.js", REFERENCE, "-o", out)
    return out.read_text()


def types_are_in_step():
    unless_done(LOCAL / "types.done", [REFERENCE, TYPES], compare_types)


def compare_types():
    if TYPES.read_text() != generated_types():
        raise Failed(f"{TYPES.relative_to(ROOT)} is not that of the reference: run clients/tool.py types")


def lint_by_redocly():
    unless_done(LOCAL / "redocly.done", [REFERENCE, CLIENTS / "redocly.yaml"], redocly)


def redocly():
    said = npx("@redocly/cli/bin/cli.js", "lint", REFERENCE, "--config", CLIENTS / "redocly.yaml", "--format", "stylish")
    if "warning" in said.replace("Deprecation warning", ""):
        raise Failed(f"redocly lint warns\n{said}")


def lint_by_spectral():
    rules = [CLIENTS / "spectral.yaml", CLIENTS / "spectral-events.yaml"]
    unless_done(LOCAL / "spectral.done", [REFERENCE, EVENTS, *rules], spectral)


def spectral():
    for rules, document in [("spectral.yaml", REFERENCE), ("spectral-events.yaml", EVENTS)]:
        options = ["--ruleset", CLIENTS / rules, "--fail-severity", "hint"]
        npx("@stoplight/spectral-cli/dist/index.js", "lint", *options, document)


def build_kit():
    unless_done(BUILT / "done", [KIT], compile_kit)


def compile_kit():
    shutil.rmtree(BUILT, ignore_errors=True)
    types = ["--typeRoots", MODULES / "@types"]
    npx("typescript/bin/tsc", "--project", KIT / "tsconfig.test.json", "--outDir", BUILT, *types)
    (BUILT / "package.json").write_text('{ "type": "module" }\n')


def kit_tests(name, url=""):
    test = BUILT / f"test/{name}.js" if (BUILT / f"test/{name}.js").exists() else KIT / f"test/{name}.mjs"
    said = run("node", "--test", test, JANGTEO_KIT=str(BUILT / "src"), JANGTEO_URL=url)
    if "\n# pass 0" in said:
        raise Failed(f"{test} ran no test\n{said}")


def python_tests(url):
    said = run(sys.executable, CLIENTS / "python/tests/test_kit.py", JANGTEO_URL=url)
    if "Ran 0 tests" in said:
        raise Failed(f"the tests of the Python kit ran no test\n{said}")


def at_once(*steps):
    """Runs steps at the same time, and reports every failure."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        futures = [(step, pool.submit(step)) for step in steps]
        failures = [str(error) for _, future in futures if (error := future.exception())]
    if failures:
        raise Failed("\n".join(failures))


def check(url):
    install()
    at_once(lint_by_redocly, lint_by_spectral, types_are_in_step, build_kit)
    # Without an address the journeys in Python are left out.
    at_once(lambda: kit_tests("kit.test"), lambda: python_tests(url))
    if url:
        at_once(lambda: kit_tests("journey.test", url), lambda: kit_tests("killed.test", url))


def install_generators():
    """Installs the Python packages, unless those of the list are there."""
    wanted = (CLIENTS / "requirements.txt").read_text() + sys.version
    stamp = PYTHON / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(PYTHON, ignore_errors=True)
    venv.create(PYTHON, with_pip=True)
    pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--requirement"]
    run(PYTHON / "bin/python", *pip, CLIENTS / "requirements.txt")
    stamp.write_text(wanted)


def generated(name, journey, make):
    """The folder of a generated client with its journey, which `make` fills."""
    folder = LOCAL / "generated" / name

    def anew():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)

    unless_done(folder / "done", [REFERENCE, TYPES, CLIENTS / "journeys" / journey], anew)
    return folder


def in_typescript(name, make, url):
    """Generates a client, compiles it with its journey, and runs that."""

    def make_and_compile(folder):
        make(folder)
        compile_journey(name, folder)

    folder = generated(name, f"{name}.ts", make_and_compile)
    run("node", folder / "built/journey.js", JANGTEO_URL=url)


def compile_journey(name, folder):
    shutil.copy(CLIENTS / f"journeys/{name}.ts", folder / "journey.ts")
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(MODULES)
    strict = ["--strict", "--skipLibCheck", "--target", "ES2022", "--esModuleInterop", "--module", "commonjs", "--moduleResolution", "node10"]
    libraries = ["--lib", "ES2022,DOM,DOM.Iterable", "--types", "node"]
    npx("typescript/bin/tsc", *strict, *libraries, "--outDir", folder / "built", folder / "journey.ts", cwd=folder)


def by_openapi_fetch(url):
    in_typescript("openapi-fetch", lambda folder: shutil.copy(TYPES, folder / "schema.d.ts"), url)


def by_hey_api(url):
    def make(folder):
        npx("@hey-api/openapi-ts/bin/run.js", "-i", REFERENCE, "-o", folder, "-c", "@hey-api/client-fetch", cwd=folder)

    in_typescript("hey-api", make, url)


def by_openapi_generator(url):
    def make(folder):
        run(PYTHON / "bin/openapi-generator-cli", "generate", "-g", "typescript-fetch", "-i", REFERENCE, "-o", folder)

    in_typescript("openapi-generator", make, url)


def by_openapi_python_client(url):
    def make(folder):
        options = ["--path", REFERENCE, "--output-path", folder / "generated", "--meta", "none"]
        path = f"{PYTHON / 'bin'}{os.pathsep}{ENVIRONMENT['PATH']}"
        said = run(PYTHON / "bin/openapi-python-client", "generate", "--fail-on-warning", *options, PATH=path)
        if "arning" in said:
            raise Failed(said)
        shutil.copy(CLIENTS / "journeys/openapi_python_client.py", folder / "journey.py")

    folder = generated("openapi-python-client", "openapi_python_client.py", make)
    run(PYTHON / "bin/python", folder / "journey.py", JANGTEO_URL=url)


def generators(url):
    install()
    install_generators()
    steps = [by_openapi_fetch, by_hey_api, by_openapi_generator, by_openapi_python_client]
    at_once(*[functools.partial(step, url) for step in steps])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["install", "types", "check", "generators"])
    parser.add_argument("--url", default="", help="the address of a local stack")
    options = parser.parse_args()
    LOCAL.mkdir(parents=True, exist_ok=True)
    match options.command:
        case "install":
            install()
            install_generators()
        case "types":
            install()
            TYPES.write_text(generated_types())
        case "check":
            check(options.url)
        case "generators":
            generators(options.url or parser.error("--url is required"))


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"error: {failure}")
