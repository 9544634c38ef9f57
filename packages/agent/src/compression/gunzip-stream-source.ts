/** The work of `gunzipInThread`'s thread by a stream of Node's: see there for its messages, `memory` and `slotBytes`. */
export const GUNZIP_STREAM_SOURCE = `const { read } = require("node:fs")
const { MessageChannel } = require("node:worker_threads")

const free = Array.from({ length: memory.byteLength / slotBytes }, (_, index) => index)
const input = Buffer.allocUnsafe(slotBytes)
const gunzip = createGunzip({ chunkSize: slotBytes })
const ranges = []
// What is transferred to a closed port is gone at once. Left to the garbage collector zlib's chunks come to 32 MiB.
const { port1: nowhere } = new MessageChannel()
nowhere.close()
const waiting = []
let satisfied = false
let busy = false
let ended = false
let bytes = 0
let lastNonZero = -1
let plain = 0

const fail = ({ code, message }) => parentPort.postMessage({ error: { code, message } })

function next() {
  while (ranges.length > 0 && ranges[0].from >= ranges[0].to) ranges.shift()
  const range = ranges[0]
  busy = range !== undefined
  if (busy) return read(range.fd, input, 0, Math.min(input.length, range.to - range.from), range.from, take)
  if (!ended) return
  // The stream may end while its last chunk still waits for memory.
  if (satisfied && waiting.length > 0) return
  if (satisfied) tellEnd({ bytes, used: gunzip.bytesWritten, lastNonZero, plain })
  else gunzip.end()
}

function take(error, length) {
  if (error) return fail(error)
  const range = ranges[0]
  // Shorter than it should be: the cut shows by itself.
  range.from = length === 0 ? range.to : range.from + length
  let last = length - 1
  while (last >= 0 && input[last] === 0) last--
  if (last >= 0) lastNonZero = bytes + last
  bytes += length
  if (satisfied || length === 0) return next()
  // zlib is done with the memory when it calls back; at its end it takes no more and never does.
  gunzip.write(input.subarray(0, length), () => satisfied || next())
}

function hand(slot, chunk) {
  const { buffer, byteOffset, length } = chunk
  new Uint8Array(memory, slot * slotBytes, length).set(chunk)
  parentPort.postMessage({ slot, length, packed: gunzip.bytesWritten })
  // Not before its last part: zlib fills a buffer to its end before it takes another.
  if (byteOffset + length === slotBytes && buffer.byteLength === slotBytes) nowhere.postMessage(null, [buffer])
}

gunzip.on("data", (chunk) => {
  plain += chunk.length
  if (hash) hash.update(chunk)
  if (waiting.length === 0 && free.length > 0) return hand(free.pop(), chunk)
  waiting.push(chunk)
  gunzip.pause()
})
gunzip.on("error", fail)
gunzip.on("end", () => {
  satisfied = true
  next()
})

parentPort.on("message", (message) => {
  if (message.sum) return void (hash = createHash("sha256"))
  if (message.free !== undefined) {
    if (waiting.length === 0) return void free.push(message.free)
    hand(message.free, waiting.shift())
    if (waiting.length > 0) return
    gunzip.resume()
    if (satisfied && !busy) next()
    return
  }
  if (message.end) ended = true
  else ranges.push(message)
  if (!busy) next()
})
`
