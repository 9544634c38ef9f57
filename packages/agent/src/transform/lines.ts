import { DatamaestroError } from "@datamaestro/protocol"

/** A line longer than this is no line of text: memory must not grow with the file. */
const LONGEST_LINE = 256 * 1024 * 1024
const BATCH_BYTES = 1024 * 1024
const NEWLINE = 10
const RETURN = 13

/**
 * Passes each line through a function that gives the new one, or undefined to drop it. The line's end, `\n` or `\r\n`,
 * stays as it was, also that the last line has none. Bytes that are no UTF-8 stay what they are.
 *
 * @throws DatamaestroError CORRUPT for what has no line ends at all
 */
export async function* mapLines(
  source: AsyncIterable<Buffer>,
  name: string,
  map: (line: string) => string | undefined,
): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end === 0) {
      length += chunk.length
      if (length > LONGEST_LINE) throw endless(name)
      // The chunk's memory may be used again by whoever gave it.
      rest.push(Buffer.from(chunk))
      continue
    }
    yield* mapped(Buffer.concat([...rest, chunk.subarray(0, end)]), map)
    rest = end === chunk.length ? [] : [Buffer.from(chunk.subarray(end))]
    length = chunk.length - end
  }
  yield* mapped(Buffer.concat(rest), map)
}

function* mapped(text: Buffer, map: (line: string) => string | undefined): Generator<Buffer> {
  let batch: Buffer[] = []
  let bytes = 0
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf(NEWLINE, start)
    const next = newline < 0 ? text.length : newline + 1
    let end = newline < 0 ? text.length : newline
    if (newline > start && text[newline - 1] === RETURN) end--
    const line = mapBytes(text.subarray(start, end), map)
    if (line !== undefined) {
      batch.push(line, text.subarray(end, next))
      bytes += line.length + next - end
    }
    start = next
    if (bytes < BATCH_BYTES) continue
    yield Buffer.concat(batch)
    batch = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(batch)
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

function mapBytes(line: Buffer, map: (line: string) => string | undefined): Buffer | undefined {
  let text: string
  try {
    text = utf8.decode(line)
  } catch {
    // One character a byte: what the function leaves alone comes out as it went in.
    const result = map(line.toString("latin1"))
    return result === undefined ? undefined : Buffer.from(result, "latin1")
  }
  const result = map(text)
  return result === text ? line : result === undefined ? undefined : Buffer.from(result, "utf8")
}

function endless(name: string): DatamaestroError {
  return new DatamaestroError(
    "CORRUPT",
    `Cannot read the lines of "${name}": one is longer than ${LONGEST_LINE / 1024 / 1024} MiB`,
    { hint: "this is no text with lines: tell the author of the dataset's definition" },
  )
}
