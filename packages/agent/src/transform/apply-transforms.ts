import type { Transform } from "@datamaestro/dataset"
import { decompress, gunzipBytes } from "../compression/decompress.ts"
import { jsonArrayToLines } from "./json-lines.ts"
import { mapLines } from "./lines.ts"

/**
 * A file's bytes after its transforms, streaming.
 *
 * @param options.name what errors call the file
 */
export function applyTransforms(
  transforms: readonly Transform[],
  source: AsyncIterable<Buffer>,
  { name, signal }: { name: string; signal: AbortSignal },
): AsyncIterable<Buffer> {
  let bytes = source
  for (const transform of transforms) bytes = applyOne(transform, bytes, name, signal)
  return bytes
}

function applyOne(
  transform: Transform,
  source: AsyncIterable<Buffer>,
  name: string,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  switch (transform.kind) {
    case "gunzip":
      return gunzipBytes(source, { archive: name, signal })
    case "decompress":
      return decompress(source, { archive: name, signal })
    case "json-lines":
      return jsonArrayToLines(source, name)
    case "replace": {
      const pattern = new RegExp(transform.pattern, "g")
      return mapLines(source, name, (line) => line.replace(pattern, transform.replacement))
    }
    case "filter": {
      const pattern = new RegExp(transform.pattern)
      return mapLines(source, name, (line) => (pattern.test(line) ? line : undefined))
    }
  }
}
