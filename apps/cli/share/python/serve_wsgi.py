"""Serves a WSGI application on the Unix socket it is given, with a gunicorn that is ours.

    python serve_wsgi.py --app module:object --socket PATH [--threads N]

The entry point is `module`, `module:object`, `module:factory()` or `file.py`. Without an object, `app`, `application`, `create_app()` and
`make_app()` are looked for, then a single WSGI-like object; without a module, `app`, `application`, `main` and `api` are
tried. The working directory comes first on the module path.

gunicorn is imported from `wsgi/` beside this file, and that directory leaves the module path again before the author's
code is imported: the author's packages are never shadowed by ours. The application is loaded before the worker is forked, so
that one which cannot be imported ends the process at once, with its traceback as the last lines.

Only the gateway can reach the socket, so the X-Forwarded-* headers are taken at their word.
"""

import argparse
import importlib
import importlib.util
import inspect
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WSGI_DIR = os.path.join(HERE, "wsgi")
THREADS_DEFAULT = 8
# The gateway keeps connections open and reuses them; it closes idle ones itself, sooner than this.
KEEPALIVE_SECONDS = 120
GRACEFUL_STOP_SECONDS = 15
MODULES = ("app", "application", "main", "api")
OBJECTS = ("app", "application")
FACTORIES = ("create_app", "make_app")

sys.path.insert(0, WSGI_DIR)
import gunicorn.app.base  # noqa: E402
import gunicorn.arbiter  # noqa: E402,F401
import gunicorn.workers.gthread  # noqa: E402,F401

sys.path.remove(WSGI_DIR)


class EntryPointError(Exception):
    """The entry point names nothing that can be served. The message says what to change."""


def load_module(name):
    if name.endswith(".py"):
        path = os.path.abspath(name)
        if not os.path.isfile(path):
            raise EntryPointError(f"the entry point names {name}, which is not in the bundle")
        stem = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[stem] = module
        spec.loader.exec_module(module)
        return module
    return importlib.import_module(name)


def find_module():
    for name in MODULES:
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
    raise EntryPointError("no entry point is set and there is none of " + ", ".join(f"{name}.py" for name in MODULES))


def find_object(module):
    for name in OBJECTS:
        if callable(getattr(module, name, None)):
            return getattr(module, name)
    for name in FACTORIES:
        if callable(getattr(module, name, None)):
            return getattr(module, name)()
    applications = {
        name: value
        for name, value in vars(module).items()
        if hasattr(value, "wsgi_app") and callable(value) and not inspect.isclass(value)
    }
    if len(applications) == 1:
        return next(iter(applications.values()))
    found = ", ".join(sorted(applications)) or "none"
    raise EntryPointError(
        f"module {module.__name__} has no object called app or application (application objects found: {found});"
        " name it in the entry point as module:object"
    )


def load_application(entrypoint):
    module_name, _, object_name = entrypoint.partition(":")
    module = load_module(module_name) if module_name else find_module()
    if not object_name:
        return find_object(module)
    application = module
    is_factory = object_name.endswith("()")
    for part in object_name.removesuffix("()").split("."):
        if not hasattr(application, part):
            raise EntryPointError(f"module {module.__name__} has no object {part}")
        application = getattr(application, part)
    return application() if is_factory else application


def say_where_we_are():
    """The preamble of the job log: what an operator asks first when content behaves differently on the server."""
    with open("/proc/self/status", encoding="ascii") as status:
        ids = {line.split(":")[0]: " ".join(line.split()[1:]) for line in status}
    said = {
        "Content GUID": os.environ.get("CONNECT_CONTENT_GUID"),
        "Job key": os.environ.get("CONNECT_CONTENT_JOB_KEY"),
        "Host": os.uname().nodename,
        "Account": f"{os.environ.get('LOGNAME')} (uid {ids['Uid'].split()[0]}, gid {ids['Gid'].split()[0]}, groups {ids['Groups']})",
        "LANG": os.environ.get("LANG"),
        "Working directory": os.getcwd(),
        "Python": f"{sys.version.split()[0]} at {sys.prefix}",
        "Module path": ", ".join(sys.path),
    }
    sys.stderr.write("".join(f"[berth-session] {name}: {value}\n" for name, value in said.items()))


def behind_gateway(application):
    """Mounts the application at the prefix that visitors see, and tells it their address and scheme."""

    def wsgi(environ, start_response):
        prefix = environ.pop("HTTP_X_FORWARDED_PREFIX", "")
        if prefix:
            environ["SCRIPT_NAME"] = prefix.rstrip("/")
        scheme = environ.get("HTTP_X_FORWARDED_PROTO")
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        visitor = environ.get("HTTP_X_FORWARDED_FOR")
        if visitor:
            environ["REMOTE_ADDR"] = visitor.split(",")[0].strip()
        return application(environ, start_response)

    return wsgi


class Server(gunicorn.app.base.BaseApplication):
    def __init__(self, application, options):
        self.application = application
        self.options = options
        super().__init__()

    def load_config(self):
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self):
        return self.application


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--app", default="", help="module, module:object or file.py")
    parser.add_argument("--socket", required=True, help="path of the Unix socket to listen on")
    parser.add_argument("--threads", type=int, default=THREADS_DEFAULT)
    arguments = parser.parse_args()

    # The script's own directory is first on the path; the application's takes its place.
    if sys.path and os.path.abspath(sys.path[0] or ".") == HERE:
        sys.path.pop(0)
    sys.path.insert(0, os.getcwd())

    say_where_we_are()
    try:
        application = load_application(arguments.app)
    except EntryPointError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        sys.exit(1)

    options = {
        "bind": "unix:" + arguments.socket,
        "umask": 0o077,
        "workers": 1,
        "worker_class": "gthread",
        "threads": arguments.threads,
        "keepalive": KEEPALIVE_SECONDS,
        "timeout": 0,  # a long computation is not a hung worker
        "graceful_timeout": GRACEFUL_STOP_SECONDS,
        "worker_tmp_dir": "/dev/shm",
        "preload_app": True,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    Server(behind_gateway(application), options).run()


if __name__ == "__main__":
    main()
