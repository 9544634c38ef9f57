import { GUNZIP_STREAM_SOURCE } from "./gunzip-stream-source.ts"

/**
 * What the thread of `gunzipInThread` runs. As text, as that of a `FileFollower`: it must work from the bundle, and a
 * thread with this little code starts, and collects its garbage, in no time.
 *
 * It gets `{ sum }` first where the SHA-256 of the plain bytes is wanted, then `{ fd, from, to }` (bytes that can be read), `{ free }` (a slot
 * of the shared memory that was used up) and `{ end }`; it answers `{ slot, length, packed }`, and
 * `{ end: { bytes, used, lastNonZero, plain, sha256 } }` or `{ error }` at last.
 *
 * zlib is called as its streams call it, `handle.writeSync`, straight from and into memory that is used again: a stream gives each chunk to
 * another thread of Node's and makes new memory for it, which takes a quarter longer, and half as long again where much comes of little. That is
 * nothing that Node promises. Where a trial does not give what it should, a stream does the work.
 */
export const GUNZIP_SOURCE = `"use strict"
const { createHash } = require("node:crypto")
const { readSync } = require("node:fs")
const { parentPort, workerData } = require("node:worker_threads")
const { constants, createGunzip, gzipSync } = require("node:zlib")

const INPUT_BYTES = 256 * 1024
const { memory, slotBytes, byStream } = workerData
let hash

function tellEnd(end) {
  parentPort.postMessage({ end: { ...end, ...(hash && { sha256: hash.digest("hex") }) } })
}

/** Takes \`length\` bytes of \`input\` at most, gives \`room\` at most; says what is left of both. Throws zlib's error. */
function startGunzip() {
  const gunzip = createGunzip({ chunkSize: 64 })
  const { _handle: handle, _writeState: left } = gunzip
  let failure
  handle.onerror = (message, errno, code) => (failure = Object.assign(new Error(message), { code }))
  return (flush, input, at, length, output, into, room) => {
    handle.writeSync(flush, input, at, length, output, into, room)
    if (failure) throw failure
    return { room: left[0], length: left[1], gunzip }
  }
}

function works() {
  try {
    const [text, output] = [Buffer.from("a trial"), Buffer.from(new SharedArrayBuffer(64))]
    const input = Buffer.concat([gzipSync(text), gzipSync(text), Buffer.alloc(3)])
    const left = startGunzip()(constants.Z_NO_FLUSH, input, 0, input.length, output, 1, 60)
    if (left.length !== 3 || left.room !== 60 - 2 * text.length) return false
    if (!output.subarray(1, 1 + 2 * text.length).equals(Buffer.concat([text, text]))) return false
    const cut = startGunzip()
    cut(constants.Z_NO_FLUSH, input, 0, 5, output, 0, 64)
    try {
      cut(constants.Z_FINISH, input, 0, 0, output, 0, 64)
      return false
    } catch ({ code }) {
      return code === "Z_BUF_ERROR"
    }
  } catch {
    return false
  }
}

function run() {
  const write = startGunzip()
  const slots = Array.from({ length: memory.byteLength / slotBytes }, (_, slot) => Buffer.from(memory, slot * slotBytes, slotBytes))
  const free = [...slots.keys()]
  const input = Buffer.allocUnsafe(INPUT_BYTES)
  const ranges = []
  let [at, length] = [0, 0]
  let slot, filled = 0
  // There may be more to come of what zlib has taken.
  let pending = false
  let satisfied = false
  let ended = false
  let over = false
  let [bytes, used, plain, lastNonZero] = [0, 0, 0, -1]

  function hand() {
    if (filled > 0) {
      if (hash) hash.update(slots[slot].subarray(0, filled))
      parentPort.postMessage({ slot, length: filled, packed: used })
    } else if (slot !== undefined) free.push(slot)
    slot = undefined
    filled = 0
  }

  function gunzip(flush) {
    const left = write(flush, input, at, length, slots[slot], filled, slotBytes - filled)
    plain += slotBytes - filled - left.room
    used += length - left.length
    at += length - left.length
    length = left.length
    filled = slotBytes - left.room
    pending = left.room === 0
    // It wants no more, though it could go on: behind the last member comes something else.
    if (!pending && length > 0) satisfied = true
    if (satisfied) length = 0
    if (pending) hand()
  }

  function read({ fd, from, to }) {
    length = readSync(fd, input, 0, Math.min(INPUT_BYTES, to - from), from)
    at = 0
    // Shorter than it should be: the cut shows by itself.
    ranges[0].from = length === 0 ? to : from + length
    let last = length - 1
    while (last >= 0 && input[last] === 0) last--
    if (last >= 0) lastNonZero = bytes + last
    bytes += length
    if (satisfied) length = 0
  }

  /** Does what can be done; says whether all is. */
  function work() {
    for (;;) {
      while (ranges.length > 0 && ranges[0].from >= ranges[0].to) ranges.shift()
      if (length === 0 && !pending && ranges.length > 0) {
        read(ranges[0])
        continue
      }
      const finishing = length === 0 && !pending && ended && !satisfied
      if (length === 0 && !pending && !finishing) {
        hand()
        return ended
      }
      if (slot === undefined && free.length === 0) return false
      slot ??= free.pop()
      gunzip(finishing ? constants.Z_FINISH : constants.Z_NO_FLUSH)
      if (finishing && !pending) satisfied = true
    }
  }

  parentPort.on("message", (message) => {
    // Whoever listens ends this thread: one that ends by itself is one that failed.
    if (over) return
    if (message.sum) return void (hash = createHash("sha256"))
    if (message.free !== undefined) free.push(message.free)
    else if (message.end) ended = true
    else ranges.push(message)
    try {
      over = work()
      if (over) tellEnd({ bytes, used, lastNonZero, plain })
    } catch ({ code, message }) {
      over = true
      parentPort.postMessage({ error: { code, message } })
    }
  })
}

if (!byStream && works()) run()
else {
${GUNZIP_STREAM_SOURCE}
}
`
