"""How Python's datamaestro prepares resources: in four passes each, with what the standard library has.

    python-way.py [--extract tar|zip|gunzip] (SUM SOURCE TARGET)...

SUM is ALGORITHM:HEX of the download, for gunzip of the output unless "download=" stands before it, or "-". SOURCE is a URL, read in chunks of 1 KiB, or a
file that was downloaded before. The work is done in TARGET.downloads, then moved (an archive's folder) or copied (a file).
"""

import argparse
import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import urllib.request
import zipfile


def download(url, path):
    with urllib.request.urlopen(url) as response, open(path, "wb") as out:
        while chunk := response.read(1024):
            out.write(chunk)


def check(path, wanted):
    algorithm, hexadecimal = wanted.split(":")
    found = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while chunk := file.read(65536):
            found.update(chunk)
    if found.hexdigest() != hexadecimal:
        sys.exit(f"{path}: {algorithm} {found.hexdigest()}, not {hexadecimal}")


def unpack_archive(kind, fetched, unpacked, target):
    opened = tarfile.open(fetched) if kind == "tar" else zipfile.ZipFile(fetched)
    with opened as archive:
        archive.extractall(unpacked)
    shutil.move(unpacked, target)


def prepare(extract, wanted, source, target):
    work = target + ".downloads"
    unpacked = os.path.join(work, "unpacked")
    os.mkdir(work)
    fetched = source
    if "://" in fetched:
        fetched = os.path.join(work, "download")
        download(source, fetched)
    of, _, wanted = wanted.rpartition("=")
    late = extract == "gunzip" and of != "download"
    if wanted != "-" and not late:
        check(fetched, wanted)

    if extract in ("tar", "zip"):
        unpack_archive(extract, fetched, unpacked, target)
    elif extract == "gunzip":
        with gzip.open(fetched) as packed, open(unpacked, "wb") as out:
            shutil.copyfileobj(packed, out)
        if wanted != "-" and late:
            check(unpacked, wanted)
        shutil.copyfile(unpacked, target)
    else:
        shutil.copyfile(fetched, target)
    shutil.rmtree(work)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--extract", choices=["tar", "zip", "gunzip"])
    parser.add_argument("words", nargs="+")
    options = parser.parse_args()
    words = iter(options.words)
    for wanted, source, target in zip(words, words, words):
        prepare(options.extract, wanted, source, target)


main()
