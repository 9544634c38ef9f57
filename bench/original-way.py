"""One call as Python's datamaestro makes it with --host, repaired so that it connects: a first ssh starts an rpyc server
there, a second one forwards a local socket to it, and rpyc asks over that for the data folders.

    original-way.py PYTHON-THERE FOLDER SSH-OPTION… HOST
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import rpyc

SERVER = """
import sys
sys.path[:0] = %r
import json, os, pathlib, signal, tempfile
import rpyc
signal.alarm(30)
from rpyc.utils.server import OneShotServer

class Datamaestro(rpyc.Service):
    def exposed_datafolders(self):
        settings = pathlib.Path(%r) / "settings.json"
        return json.dumps(json.loads(settings.read_text()).get("datafolders", {}) if settings.exists() else {})

path = os.path.join(tempfile.mkdtemp(), "socket")
server = OneShotServer(Datamaestro, socket_path=path)
print(path, flush=True)
server.start()
os.unlink(path)
os.rmdir(os.path.dirname(path))
"""


def connect(path):
    while True:
        try:
            return rpyc.utils.factory.unix_connect(path)
        except ConnectionRefusedError:
            # ssh has made the socket, and does not listen yet.
            time.sleep(0.005)


def main() -> None:
    python, folder, *ssh = sys.argv[1:]
    path = os.path.dirname(os.path.dirname(rpyc.__file__))
    server = subprocess.Popen(["ssh", *ssh, python, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server.stdin.write(SERVER % ([path], folder))
    server.stdin.close()
    there = server.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as local:
        here = os.path.join(local, "socket")
        forward = subprocess.Popen(["ssh", "-N", "-L", f"{here}:{there}", *ssh])
        try:
            while not pathlib.Path(here).exists():
                time.sleep(0.005)
            connection = connect(here)
            for key, value in json.loads(connection.root.datafolders()).items():
                print(key, value, sep="\t")
            connection.close()
        finally:
            for ssh_client in (forward, server):
                ssh_client.terminate()
                ssh_client.wait()


main()
