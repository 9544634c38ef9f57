/**
 * The body of a function of `zlib` (node:zlib) that returns `inflate(packed, size)`: what a deflated body holds, one byte more than
 * `size` at most, valid until the next call. It throws zlib's errors. As text, since a thread that starts from text inflates, too.
 *
 * One decompressor does all of the small ones, called as Node's streams call theirs, `handle.writeSync`, into memory that is used again:
 * to make one for each costs ten times what inflating 20 kB takes. That is nothing that Node promises. Where a trial does not give
 * what it should, Node's own call does the work.
 */
export const INFLATE_SOURCE = `
const MOST_BYTES = 256 * 1024

function byCall(packed, size) {
  // All of it in one piece: pieces of the default size are made and joined one by one.
  return zlib.inflateRawSync(packed, { maxOutputLength: size + 1, chunkSize: Math.max(64, size + 1) })
}

function startInflate() {
  const memory = Buffer.allocUnsafeSlow(MOST_BYTES + 64)
  const inflater = zlib.createInflateRaw({ chunkSize: 64 })
  const left = inflater._writeState
  let failure
  inflater._handle.onerror = (message, errno, code) => (failure = Object.assign(new Error(message), { code, errno }))
  return (packed, size) => {
    if (size > MOST_BYTES) return byCall(packed, size)
    failure = undefined
    inflater._handle.reset()
    inflater._handle.writeSync(zlib.constants.Z_FINISH, packed, 0, packed.length, memory, 0, size + 1)
    if (failure) throw failure
    return memory.subarray(0, size + 1 - left[0])
  }
}

function fails(inflate, packed, size, wanted) {
  try {
    inflate(packed, size)
    return false
  } catch ({ code }) {
    return code === wanted
  }
}

function works(inflate) {
  try {
    const text = Buffer.from("a trial, a trial")
    const packed = zlib.deflateRawSync(text)
    const isRight = () => text.equals(inflate(packed, text.length))
    return (
      isRight() &&
      inflate(packed, 3).length === 4 &&
      isRight() &&
      fails(inflate, packed.subarray(0, 5), text.length, "Z_BUF_ERROR") &&
      fails(inflate, Buffer.from([7, 7]), text.length, "Z_DATA_ERROR") &&
      isRight() &&
      inflate(zlib.deflateRawSync(""), 0).length === 0
    )
  } catch {
    return false
  }
}

try {
  const inflate = startInflate()
  if (works(inflate)) return inflate
} catch {}
return byCall
`
