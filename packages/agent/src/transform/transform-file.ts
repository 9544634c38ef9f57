import type { HashAlgorithm, Transform } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import { compressionOf, type PlainSum, type Throughput } from "../compression/decompress.ts"
import type { FollowedFile } from "../follow/followed-file.ts"
import { beginning, plainBytes } from "../follow/plain-bytes.ts"
import { untilSound } from "../follow/until-sound.ts"
import type { StepContext } from "../pipeline-types.ts"
import type { Digests } from "../verify/stream-hasher.ts"
import { applyTransforms } from "./apply-transforms.ts"
import { OutputFile } from "./output-file.ts"
import { removeFile } from "../store/remove-file.ts"

export interface TransformRequest {
  /** What errors call the download, e.g. the last part of its URL. */
  name: string
  transforms: readonly Transform[]
  /** A new file, on the same file system as its final place. */
  output: string
  /** Hashes of the output to compute while writing. */
  algorithms: readonly HashAlgorithm[]
  /** Gzip is worth a thread of its own. */
  apart: boolean
  /** This thread has other things to do: of several sums that one may take over one. */
  busy: boolean
}

export interface TransformedFile {
  bytes: number
  digests: Digests
}

/** From a thread each count is a message to another one. */
const REPORT_MILLISECONDS = 100

/**
 * Writes a download's output, transformed and hashed in one pass while the download may still come, and makes it
 * durable; on failure there is no output.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, NO_SPACE…, INTERRUPTED
 */
export async function transformFollowed(
  request: TransformRequest,
  file: FollowedFile,
  context: StepContext,
): Promise<TransformedFile> {
  const { output } = request
  return await untilSound(file, {
    doing: `write "${output}"`,
    signal: context.signal,
    make: () => transform(request, file, context),
    undo: () => removeFile(output),
  })
}

async function transform(
  request: TransformRequest,
  source: FollowedFile,
  context: StepContext,
): Promise<TransformedFile> {
  const { dataset, resource, signal, progress } = context
  const throughput: Throughput = { packed: 0, plain: 0 }
  const { transforms, algorithms, busy } = request
  const sum: PlainSum | undefined =
    busy && transforms.length === 1 && algorithms.length > 1 ? { promised: false } : undefined
  const output = await OutputFile.create(request.output, algorithms, sum)
  let reported = 0
  try {
    for await (const chunk of transformedBytes(request, source, { signal, throughput, sum })) {
      if (signal.aborted) throw interrupted()
      await output.write(chunk)
      if (performance.now() - reported < REPORT_MILLISECONDS) continue
      reported = performance.now()
      const total = source.size
      progress({
        phase: "transform",
        dataset,
        resource,
        bytes: throughput.packed,
        ...(total === undefined ? {} : { total }),
      })
    }
    return await output.sync()
  } finally {
    await output.close()
  }
}

/** A chunk is valid until the next one is asked for. */
async function* transformedBytes(
  { name, transforms, apart: wanted }: TransformRequest,
  source: FollowedFile,
  { signal, throughput, sum }: { signal: AbortSignal; throughput: Throughput; sum: PlainSum | undefined },
): AsyncGenerator<Buffer> {
  const [first, ...rest] = transforms
  // Decompressors keep chunks for longer than until they ask for the next one.
  const apart = wanted && first !== undefined && unpacks(first) && !rest.some(unpacks)
  // What is no gzip, though it should be, has its error from there.
  if (!apart || (first.kind === "gunzip" && !(await isGzip(source)))) {
    yield* applyTransforms(transforms, counted(source.chunks(), throughput), { name, signal })
    return
  }
  yield* applyTransforms(rest, plainBytes(source, { archive: name, signal, throughput, sum }), { name, signal })
}

async function isGzip(source: FollowedFile): Promise<boolean> {
  const start = await beginning(source)
  return start !== undefined && compressionOf(start) === "gzip"
}

function unpacks({ kind }: Transform): boolean {
  return kind === "gunzip" || kind === "decompress"
}

async function* counted(source: AsyncIterable<Buffer>, throughput: Throughput): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    throughput.packed += chunk.length
    yield chunk
  }
}
