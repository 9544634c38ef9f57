import { createReadStream } from "node:fs"
import { rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { interrupted } from "@datamaestro/protocol"
import type { PlacedFile, StepContext } from "../pipeline-types.ts"
import { storageError } from "../store/storage-error.ts"
import { corruptArchive } from "../compression/damaged-archive.ts"
import { decompress, type Throughput } from "../compression/decompress.ts"
import { ExtractionLimits } from "./extraction-limits.ts"
import type { Member } from "./member.ts"
import { readTar } from "./read-tar.ts"
import { readZip } from "./read-zip.ts"
import { Selection, type SelectionOptions } from "./selection.ts"
import { TreeWriter, type FileSink } from "./tree-writer.ts"

export interface ExtractRequest {
  kind: "tar" | "zip"
  /** The archive, absolute. */
  path: string
  /** What errors call it, e.g. the last part of its URL. */
  archive: string
  /** A folder that does not exist yet; everything is written below it. */
  output: string
  selection: SelectionOptions
  /** The archive's bytes were verified against a declared sum. */
  verified: boolean
}

/** An extracted tree, not yet at its final path. */
export interface ExtractedTree {
  /** The folder that holds the content: `output`, or the single folder in it that `auto` drops. */
  root: string
  /** Paths relative to `root`, with forward slashes. */
  files: PlacedFile[]
}

const CHUNK_BYTES = 1024 * 1024
const REPORT_MILLISECONDS = 100

/**
 * Extracts an archive below a new folder; on failure the folder is removed.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, UNSAFE_ARCHIVE, UNSUPPORTED_FORMAT, BROKEN_DEFINITION, NO_SPACE, INTERRUPTED
 */
export async function extractArchive(request: ExtractRequest, context: StepContext): Promise<ExtractedTree> {
  try {
    const extraction = await Extraction.start(request, context)
    return await (request.kind === "tar" ? extraction.tar() : extraction.zip())
  } catch (error) {
    await rm(request.output, { recursive: true, force: true })
    if (context.signal.aborted) throw interrupted()
    throw storageError(error, `extract "${request.archive}"`)
  }
}

class Extraction {
  readonly #request: ExtractRequest
  readonly #context: StepContext
  readonly #total: number
  readonly #limits: ExtractionLimits
  readonly #selection: Selection
  readonly #writer: TreeWriter
  #reported = 0
  #files = 0
  #members = 0

  private constructor(request: ExtractRequest, context: StepContext, total: number, limits: ExtractionLimits) {
    this.#request = request
    this.#context = context
    this.#total = total
    this.#limits = limits
    this.#selection = new Selection(request.selection)
    this.#writer = new TreeWriter(request.output, request.archive)
  }

  static async start(request: ExtractRequest, context: StepContext): Promise<Extraction> {
    const { size } = await stat(request.path)
    const limits = await ExtractionLimits.of(request.archive, dirname(request.output))
    return new Extraction(request, context, size, limits)
  }

  async tar(): Promise<ExtractedTree> {
    const { path, archive, verified } = this.#request
    const { signal } = this.#context
    const throughput: Throughput = { packed: 0, plain: 0 }
    const source = createReadStream(path, { highWaterMark: CHUNK_BYTES })
    try {
      await readTar(decompress(source, { archive, signal, throughput }), this.#visitor(true), {
        archive,
        signal,
        whole: verified,
        afterPiece: () => {
          this.#limits.requireRatio(throughput.plain, throughput.packed)
          this.#report(throughput.packed)
        },
      })
    } finally {
      source.destroy()
    }
    this.#selection.settle()
    for (const path of this.#writer.written()) if (!this.#selection.wants(path)) this.#writer.drop(path)
    return this.#finish()
  }

  async zip(): Promise<ExtractedTree> {
    const { path, archive } = this.#request
    const members = (all: readonly Member[], packed: number): void => {
      for (const member of all) this.#observe(member)
      this.#selection.settle()
      const wanted = all.filter((member) => member.type === "file" && this.#destination(member) !== undefined)
      const bytes = wanted.reduce((sum, { size }) => sum + size, 0)
      this.#limits.requireRatio(bytes, packed)
      this.#limits.requireSpace(bytes, wanted.length)
    }
    await readZip(
      path,
      { ...this.#visitor(false), members },
      {
        archive,
        signal: this.#context.signal,
        afterMember: (packed) => this.#report(packed),
      },
    )
    return this.#finish()
  }

  #visitor(streaming: boolean) {
    return {
      file: (member: Member): FileSink | undefined => {
        if (streaming) this.#observe(member)
        const path = this.#destination(member)
        if (path === undefined) return undefined
        if (streaming) this.#limits.requireSpace(member.size)
        this.#files++
        return this.#writer.file(path, member)
      },
      directory: (member: Member): void => {
        if (streaming) this.#observe(member)
        const path = this.#selection.destination(member.segments)
        if (path !== undefined && !this.#selection.filtered) this.#writer.directory(path, member)
      },
      symlink: (member: Member, target: string): void => {
        if (streaming) this.#observe(member)
        const path = this.#destination(member)
        if (path !== undefined) this.#writer.symlink(path, member, target)
      },
      hardlink: (member: Member, target: string[]): void => {
        if (streaming) this.#observe(member)
        const path = this.#destination(member)
        if (path !== undefined) this.#writer.hardlink(path, member, this.#selection.destination(target))
      },
    }
  }

  #observe(member: Member): void {
    this.#members++
    this.#selection.observe(member.segments, member.type)
  }

  #destination(member: Member): string[] | undefined {
    const path = this.#selection.destination(member.segments)
    return path !== undefined && this.#selection.wants(path) ? path : undefined
  }

  #finish(): ExtractedTree {
    const { archive, output } = this.#request
    if (this.#members === 0) throw corruptArchive(archive, "it has no members")
    const root = this.#selection.root
    this.#selection.requireFound(archive, this.#writer.written())
    const files = this.#writer.finish(root)
    this.#report(this.#total, true)
    return { root: join(output, ...root), files }
  }

  #report(packed: number, last = false): void {
    const now = performance.now()
    if (!last && now - this.#reported < REPORT_MILLISECONDS) return
    this.#reported = now
    const { dataset, resource, progress } = this.#context
    progress({ phase: "extract", dataset, resource, bytes: packed, total: this.#total, files: this.#files })
  }
}
