"""A Flask API that says hello and counts its visits in a file of its own."""

import fcntl
import json
import os

from flask import Flask, jsonify, request

app = Flask(__name__)
COUNTER = "visits.txt"

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Flask on Berth</title>
<style>body{{font:1.1rem/1.6 system-ui;max-width:38rem;margin:4rem auto;padding:0 1rem;color:#123}}
code{{background:#eef2f5;padding:.1em .35em;border-radius:.3em}}a{{color:#0a6}}</style>
<h1>Hello, {who}</h1>
<p>This page was made by a Flask process of the account <code>{account}</code>, in a sandbox of its own.</p>
<p>It has been asked for <strong>{visits}</strong> times since it was published. The number is kept in
<code>visits.txt</code> beside <code>app.py</code>; the next deployment starts with a new directory.</p>
<p>The same as JSON: <a href="api/hello">api/hello</a>.</p></html>"""


def count_visit():
    with open(COUNTER, "a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        visits = int(file.read() or 0) + 1
        file.truncate(0)
        file.write(str(visits))
    return visits


def visitor():
    credentials = json.loads(request.headers.get("RStudio-Connect-Credentials", "{}"))
    return credentials.get("user") or "stranger"


@app.get("/")
def page():
    return PAGE.format(who=visitor(), account=os.environ.get("LOGNAME", "?"), visits=count_visit())


@app.get("/api/hello")
def hello():
    return jsonify(hello=visitor(), visits=count_visit(), pid=os.getpid())
