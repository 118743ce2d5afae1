"""Runs the Python that a test posts to /run, inside the sandbox, and answers with `result` as JSON."""

import json
import os
import threading
import traceback

LOCAL = {}


def application(environ, start_response):
    path = environ.get("PATH_INFO", "/")
    if path == "/run" and environ["REQUEST_METHOD"] == "POST":
        code = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        scope = {"result": None, "environ": environ, "kept": LOCAL, "threading": threading}
        try:
            exec(compile(code, "test", "exec"), scope)
            answer, status = scope["result"], "200 OK"
        except BaseException:
            answer, status = traceback.format_exc(), "418 I'm a teapot"
        body = json.dumps(answer).encode()
    else:
        status = "200 OK"
        body = json.dumps({"pid": os.getpid(), "path": path, "script": environ.get("SCRIPT_NAME", "")}).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
