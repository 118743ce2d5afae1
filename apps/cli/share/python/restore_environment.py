"""Builds a virtual environment from a requirements file read on standard input.

    python restore_environment.py DIRECTORY < requirements.txt

DIRECTORY exists, is empty and is where content will see the environment: scripts in it name that path. Runs in a sandbox as
the account that owns environments; pip's settings come from PIP_* variables. Progress goes to stdout, line by line.
"""

import os
import subprocess
import sys
import tempfile
import venv

REQUIREMENTS_BYTES_MAX = 256 * 1024


def main():
    if len(sys.argv) != 2:
        print("usage: restore_environment.py DIRECTORY < requirements.txt", file=sys.stderr)
        return 64
    directory = sys.argv[1]
    requirements = sys.stdin.buffer.read(REQUIREMENTS_BYTES_MAX + 1)
    if len(requirements) > REQUIREMENTS_BYTES_MAX:
        print(f"requirements.txt is larger than {REQUIREMENTS_BYTES_MAX} bytes", file=sys.stderr)
        return 65
    # A file of our own and not standard input again: that one belongs to root and cannot be opened a second time.
    with tempfile.NamedTemporaryFile(prefix="requirements-", suffix=".txt", delete=False) as file:
        file.write(requirements)

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Creating a virtual environment with Python {version}", flush=True)
    try:
        venv.create(directory, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError as error:
        print((error.output or b"").decode(errors="replace"), file=sys.stderr)
        print(
            f"cannot create a virtual environment with {sys.executable}: its venv and ensurepip modules are needed"
            " (on Debian and Ubuntu the package python3-venv)",
            file=sys.stderr,
        )
        return 1
    python = os.path.join(directory, "bin", "python")
    # Replaced, not called: pip's exit code is ours.
    command = [python, "-m", "pip", "install", "--no-warn-script-location", "--requirement", file.name]
    sys.stdout.flush()
    os.execv(python, command)


if __name__ == "__main__":
    sys.exit(main())
