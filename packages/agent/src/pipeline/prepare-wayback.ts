import { open, readFile, rename, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import type { PlannedWayback } from "@datamaestro/dataset"
import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { preparationOrder } from "../resolve/resolve-dataset.ts"
import { finalPaths } from "../store/layout.ts"
import { storageError } from "../store/storage-error.ts"
import { hashFile } from "../verify/hash-file.ts"
import { placeResource } from "./place-resource.ts"
import { quietFetchContext } from "./fetch-context.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { inWorkFolder } from "./work-folder.ts"
import { syncOpenFile } from "../store/sync-open-file.ts"

const OUTPUT = "output"
const SYNC_MILLISECONDS = 2000

/** What the archive says of a page that it does not have, whenever it is asked. */
const MISSING = new Set([403, 404, 410, 451])

/**
 * Fetches pages from an archive of the web, one after the other, as its keepers ask for, each a line of the output.
 * After an interruption it goes on behind the last whole line.
 */
export async function prepareWayback(preparation: Preparation, resource: PlannedWayback): Promise<void> {
  // Not a work folder: those of earlier runs are swept away, and this file is continued.
  const kept = join(preparation.downloads, `${resource.name}.pages`)
  try {
    const urls = await readUrls(preparation, resource)
    const file = await open(kept, "a+")
    try {
      const lines = await continueAt(file, kept, urls, resource)
      await fetchPages(preparation, resource, urls, lines, file)
      await syncOpenFile(file)
    } finally {
      await file.close()
    }
    await place(preparation, resource, kept)
  } catch (error) {
    throw storageError(error, `write "${kept}"`)
  }
}

async function readUrls({ dataset, options }: Preparation, resource: PlannedWayback): Promise<string[]> {
  const plans = preparationOrder(dataset).map(({ plan }) => plan)
  const pathOf = finalPaths({ paths: options.paths, datafolders: options.datafolders ?? {}, plans })
  const lines = (await readFile(pathOf(resource.input), "utf8")).split(/\r?\n/).filter((line) => line.trim() !== "")
  const wrong = lines.find((line) => !/^https?:\/\//i.test(line) || !URL.canParse(line))
  if (wrong === undefined) return lines
  throw new DatamaestroError("STEP_FAILED", `Cannot fetch "${wrong}" from an archive: it is no web address`, {
    hint: "the list of pages is part of the dataset's definition: tell its author",
    details: { resource: resource.name, from: resource.from[0] },
  })
}

/** How many of the URLs have their line, in their order; what follows is cut off. */
async function continueAt(
  file: FileHandle,
  path: string,
  urls: readonly string[],
  resource: PlannedWayback,
): Promise<number> {
  const first = headOf(resource)
  let lines = -1
  let end = 0
  for await (const line of file.readLines({ autoClose: false, encoding: "utf8", start: 0 })) {
    const wanted = lines < 0 ? line === first : idOf(line) === urls[lines]
    if (!wanted) break
    const next = end + Buffer.byteLength(line) + 1
    // The last line may have lost its end, and be whole only by its looks.
    if (next > (await file.stat()).size) break
    end = next
    lines++
  }
  const writer = await open(path, "r+")
  try {
    await writer.truncate(end)
  } finally {
    await writer.close()
  }
  if (lines >= 0) return lines
  await file.write(`${first}\n`)
  return 0
}

/** What was asked of which archive: pages of another question are none of this. */
function headOf({ host, timestamp }: PlannedWayback): string {
  return JSON.stringify({ host, timestamp })
}

function idOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { id?: unknown }).id
  } catch {
    return undefined
  }
}

async function fetchPages(
  preparation: Preparation,
  resource: PlannedWayback,
  urls: readonly string[],
  from: number,
  file: FileHandle,
): Promise<void> {
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  let synced = performance.now()
  for (const [index, url] of urls.entries()) {
    if (index < from) continue
    if (preparation.signal.aborted) throw interrupted()
    const page = await fetchPage(preparation, resource, url)
    await file.appendFile(`${lineOf({ id: url, ...page })}\n`)
    progress({ phase: "step", dataset, resource: name, fraction: (index + 1) / urls.length, message: url })
    if (performance.now() - synced < SYNC_MILLISECONDS) continue
    await syncOpenFile(file, "datasync")
    synced = performance.now()
  }
}

/** One line whoever reads it: some take U+2028 and U+2029 for line ends. */
function lineOf(page: object): string {
  return JSON.stringify(page).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")
}

async function fetchPage(
  preparation: Preparation,
  resource: PlannedWayback,
  url: string,
): Promise<{ status: number; content?: string }> {
  const { signal } = preparation
  const { downloads } = await queues()
  const { fetchDownload } = await import("../fetch/fetch-download.ts")
  const context = quietFetchContext(preparation, resource)
  // "id_": the page as it was, without the archive's own frame and changed links.
  const address = `${resource.host}/web/${resource.timestamp}id_/${url}`
  try {
    const page = await inTurn(downloads, signal, () =>
      fetchDownload({ urls: [address], integrity: [], size: undefined }, context),
    )
    try {
      return { status: 200, content: await readFile(page.path, "utf8") }
    } finally {
      await page.release({ remove: true })
    }
  } catch (error) {
    const status = error instanceof DatamaestroError ? error.details["status"] : undefined
    if (typeof status === "number" && MISSING.has(status)) return { status }
    throw error
  }
}

/** The pages without the line about what was asked. */
async function place(preparation: Preparation, resource: PlannedWayback, kept: string): Promise<void> {
  await inWorkFolder(preparation, resource, async (work) => {
    const output = join(work, OUTPUT)
    await copyBehind(kept, output, Buffer.byteLength(headOf(resource)) + 1, preparation.signal)
    const { bytes, digests } = await hashFile(output, ["sha256"], { signal: preparation.signal })
    await placeResource(preparation, resource, work, {
      moves: [{ from: OUTPUT, to: resource.target }],
      record: {
        source: resource.host,
        files: [{ path: resource.target, bytes, sha256: digests.sha256 ?? "" }],
      },
    })
  })
}

async function copyBehind(from: string, to: string, start: number, signal: AbortSignal): Promise<void> {
  const [source, target] = [await open(from, "r"), await open(`${to}.part`, "wx")]
  try {
    for await (const chunk of source.createReadStream({ start, highWaterMark: 1024 * 1024, autoClose: false })) {
      if (signal.aborted) throw interrupted()
      await target.appendFile(chunk as Buffer)
    }
    await syncOpenFile(target)
  } finally {
    await source.close()
    await target.close()
  }
  await rename(`${to}.part`, to)
}
