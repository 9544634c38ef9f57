/**
 * What the thread of a `FileFollower` runs. As text, since it must work from the bundle, which is one file that may
 * never be on the disk, as well as from the sources. It gets `{ to, end }` and answers `{ bytes, digests }`.
 */
export const FOLLOWER_SOURCE = `"use strict"
const { createHash } = require("node:crypto")
const { openSync, readSync } = require("node:fs")
const { parentPort, workerData } = require("node:worker_threads")

const file = openSync(workerData.path, "r")
const hashes = workerData.algorithms.map((name) => [name, createHash(name)])
const buffer = Buffer.allocUnsafe(1024 * 1024)
let position = 0
let told = 0

parentPort.on("message", ({ to, end }) => {
  while (position < to) {
    const bytes = readSync(file, buffer, 0, Math.min(buffer.length, to - position), position)
    if (bytes === 0) throw new Error("the file ends at " + position + ", before " + to)
    const chunk = bytes === buffer.length ? buffer : buffer.subarray(0, bytes)
    for (const [, hash] of hashes) hash.update(chunk)
    position += bytes
    if (position - told >= 32 * 1024 * 1024) parentPort.postMessage({ bytes: (told = position) })
  }
  if (!end) return
  const digests = Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest("hex")]))
  parentPort.postMessage({ bytes: position, digests })
})
`
