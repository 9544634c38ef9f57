import { INFLATE_SOURCE } from "./inflate-source.ts"
import { KEEPS_NO_TIMES } from "./without-times.ts"

/**
 * What the thread of a `SecondWriter` runs; as text, as that of a `FileFollower`. It gets `{ slot, flags, files }`, the
 * files as `[path, mode, mtime in milliseconds or null, offset, length, deflated]` within the slot of the shared memory,
 * `deflated` with the size and CRC-32 that must come out, or null. It answers `{ slot, sums }`, with an `error` when one
 * could not be written: those behind it were not tried.
 */
export const SECOND_WRITER_SOURCE = `"use strict"
const { hash } = require("node:crypto")
const { closeSync, futimesSync, openSync, writeSync } = require("node:fs")
const { workerData } = require("node:worker_threads")
const zlib = require("node:zlib")

const { memory, slotBytes, port } = workerData

const inflateWhole = (() => {
${INFLATE_SOURCE}
})()

function inflate(packed, { size, crc }) {
  const content = inflateWhole(packed, size)
  if (content.length !== size) throw Object.assign(new Error(), { code: "SIZE", found: content.length })
  if (zlib.crc32(content) !== crc) throw Object.assign(new Error(), { code: "CRC" })
  return content
}

function setTime(fd, time) {
  try {
    futimesSync(fd, time, time)
  } catch (error) {
    if (!${JSON.stringify(KEEPS_NO_TIMES)}.includes(error.code)) throw error
  }
}

function write(content, path, flags, mode, mtime) {
  const fd = openSync(path, flags, mode)
  try {
    for (let offset = 0; offset < content.length; ) offset += writeSync(fd, content, offset)
    // Of numbers Node takes those before 1970 for the present time.
    const time = mtime === null ? null : new Date(mtime)
    if (time !== null) setTime(fd, time)
  } finally {
    closeSync(fd)
  }
}

port.on("message", ({ slot, flags, files }) => {
  const sums = []
  try {
    for (const [path, mode, mtime, offset, length, deflated] of files) {
      const taken = Buffer.from(memory, slot * slotBytes + offset, length)
      const content = deflated === null ? taken : inflate(taken, deflated)
      write(content, path, flags, mode, mtime)
      sums.push(hash("sha256", content))
    }
    port.postMessage({ slot, sums })
  } catch ({ message, code, errno, syscall, path, found }) {
    port.postMessage({ slot, sums, error: { message, code, errno, syscall, path, found } })
  }
})
`
