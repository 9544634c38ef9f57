import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { redactUrl } from "../store/cache-url.ts"
import { BodyReader } from "./body-reader.ts"
import { receive } from "./receive.ts"
import { newSpan } from "./span.ts"
import { sizeError, sourceError } from "./source-error.ts"
import type { Attempt } from "./transfer-types.ts"

/** Copies a `file:` URL into the part, always from the start: reading is cheap, and the file may have changed. */
export async function readFileSource(job: Attempt): Promise<void> {
  const { part, hasher, source } = job
  const path = pathOf(source)
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(source, error)
  })
  if (!status.isFile())
    throw sourceError("DOWNLOAD_FAILED", source, "it is not a file", "correct the URL in the dataset's definition")
  if (job.size !== undefined && status.size !== job.size) throw sizeError(job, status.size)
  if (part.written > 0) {
    await part.restart()
    hasher.reset()
  }
  part.state = { source: redactUrl(source), lastModified: status.mtime.toUTCString(), length: status.size }
  await job.space.require(job.part, job.size)
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024, signal: job.signal })
  try {
    job.tell(true)
    await receive(job, newSpan(0, status.size), [], new BodyReader(stream))
    job.tell(true)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    throw code !== undefined && syscall !== undefined ? unreadable(source, error as NodeJS.ErrnoException) : error
  } finally {
    stream.destroy()
  }
}

function pathOf(source: string): string {
  try {
    return fileURLToPath(source)
  } catch (error) {
    throw sourceError("DOWNLOAD_FAILED", source, "it is not a valid file URL", "write it as file:///absolute/path", {
      cause: error,
    })
  }
}

function unreadable(source: string, error: NodeJS.ErrnoException): Error {
  const reason = error.code === "ENOENT" ? "there is no such file" : `it can't be read (${error.code})`
  return sourceError(
    "DOWNLOAD_FAILED",
    source,
    reason,
    "a file: URL names a file of the data machine; check the path and its permissions",
    {
      cause: error,
    },
  )
}
