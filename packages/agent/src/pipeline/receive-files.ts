import { closeSync, constants, openSync, writeSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createHash } from "node:crypto"
import { interrupted, type CopiedResource } from "@datamaestro/protocol"
import { ByteQueue } from "../bytes/byte-queue.ts"
import { asCopyError, type CopyReader } from "../copy/copy-reader.ts"
import { SMALL_FILE_BYTES, type StoragePace } from "../store/storage-pace.ts"
import { IncomingFile, requireSame } from "./incoming-file.ts"

const WRITTEN_ANEW = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

export type CopiedFile = CopiedResource["files"][number]

/** Where files come from, and to. */
export interface IncomingFiles {
  reader: CopyReader
  dataset: { id: string; repository: string }
  /** The folder that they come into. */
  kept: string
  pace: StoragePace
  signal: AbortSignal
  /** So many bytes more are there. */
  report(bytes: number): void
}

/**
 * Brings files, asked for at once, the first one from so many bytes on. A failure leaves whole files, and the beginning of a
 * large one.
 */
export async function receiveFiles(incoming: IncomingFiles, files: readonly CopiedFile[], have = 0): Promise<void> {
  const { dataset, kept, pace, signal, report } = incoming
  const bytes = new ByteQueue(bodyOf(incoming, files, have))
  try {
    for (const [index, file] of files.entries()) {
      const path = join(kept, file.path)
      const start = index === 0 ? have : 0
      if (start === 0 && file.bytes <= SMALL_FILE_BYTES) {
        await bytes.fill(file.bytes)
        const content = bytes.take(file.bytes)
        requireSame(dataset.id, file, content.length, createHash("sha256").update(content).digest("hex"))
        await write(path, content, pace)
        report(file.bytes)
        continue
      }
      const output = await IncomingFile.open(path, file, start, signal)
      try {
        while (output.left > 0 && (await bytes.fill(1))) {
          const piece = bytes.take(Math.min(bytes.bytes.length, output.left))
          await output.write(piece)
          report(piece.length)
        }
      } finally {
        await output.close()
      }
      await output.verify(dataset.id)
    }
  } finally {
    await bytes.close()
  }
}

async function* bodyOf(
  { reader, dataset, signal }: IncomingFiles,
  files: readonly CopiedFile[],
  have: number,
): AsyncGenerator<Buffer> {
  if (files.every(({ bytes }) => bytes === 0)) return
  const paths = files.map(({ path }) => path)
  const body = await reader.files(dataset, paths, have, signal)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw signal.aborted ? interrupted() : asCopyError(error)
  }
}

/** Synchronously, which is several times faster, unless each operation is a round trip: then many are under way at once. */
async function write(path: string, content: Uint8Array, pace: StoragePace): Promise<void> {
  if (pace.slow) return await writeFile(path, content, { flag: WRITTEN_ANEW })
  const file = pace.timed(() => openSync(path, WRITTEN_ANEW, 0o666))
  try {
    for (let offset = 0; offset < content.length;) offset += writeSync(file, content, offset)
  } finally {
    closeSync(file)
  }
}
