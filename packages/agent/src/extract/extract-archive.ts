import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import type { StepContext } from "../pipeline-types.ts"
import type { FileList } from "../store/file-list.ts"
import { removeTree } from "../store/remove-tree.ts"
import { storageError } from "../store/storage-error.ts"
import { printable } from "../compression/damaged-archive.ts"
import type { Throughput } from "../compression/decompress.ts"
import { FollowedFile } from "../follow/followed-file.ts"
import { untilSound } from "../follow/until-sound.ts"
import { noMembers } from "./content-mismatch.ts"
import { ExtractionLimits } from "./extraction-limits.ts"
import type { Member } from "./member.ts"
import { plainBytes } from "../follow/plain-bytes.ts"
import { readTar } from "./read-tar.ts"
import { readZip } from "./read-zip.ts"
import { Selection, type SelectionOptions } from "./selection.ts"
import type { FileSink } from "./file-sinks.ts"
import { TreeWriter } from "./tree-writer.ts"

export interface ExtractRequest {
  kind: "tar" | "zip"
  /** The archive: its absolute path, or what is still being downloaded or lies in pieces. */
  source: string | FollowedFile
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
  files: FileList
  /** Symbolic links, likewise. */
  links: string[]
}

/** From a thread each count is a message to another one. */
const REPORT_MILLISECONDS = 100

/**
 * Extracts an archive below a new folder; on failure the folder is removed.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, UNSAFE_ARCHIVE, UNSUPPORTED_FORMAT, CONTENT_MISMATCH, BROKEN_DEFINITION,
 *   NO_SPACE, INTERRUPTED
 */
export async function extractArchive(request: ExtractRequest, context: StepContext): Promise<ExtractedTree> {
  const { source, archive } = request
  const file = typeof source === "string" ? await wholeFile(source, archive) : source
  return await extractFollowed(request, file, context)
}

/** The same of a download that may still come. */
export async function extractFollowed(
  request: Omit<ExtractRequest, "source">,
  file: FollowedFile,
  context: StepContext,
): Promise<ExtractedTree> {
  const { archive, output, kind } = request
  return await untilSound(file, {
    doing: `extract "${archive}"`,
    signal: context.signal,
    make: async () => {
      const extraction = await Extraction.start(request, file, context)
      try {
        return await (kind === "tar" ? extraction.tar() : extraction.zip())
      } finally {
        await extraction.close()
      }
    },
    undo: () => removeTree(output),
  })
}

async function wholeFile(path: string, archive: string): Promise<FollowedFile> {
  const file = new FollowedFile()
  const { size } = await stat(path).catch((error: unknown) => {
    throw storageError(error, `extract "${archive}"`)
  })
  file.end([{ path, bytes: size }])
  return file
}

class Extraction {
  readonly #request: Omit<ExtractRequest, "source">
  readonly #context: StepContext
  readonly #file: FollowedFile
  readonly #limits: ExtractionLimits
  readonly #selection: Selection
  readonly #writer: TreeWriter
  #reported = 0
  #files = 0
  #members = 0
  /** What `strip` took from the wanted members' names. */
  readonly #stripped = new Set<string>()
  #replacing: { count: number; last: string } | undefined

  private constructor(
    request: Omit<ExtractRequest, "source">,
    file: FollowedFile,
    context: StepContext,
    limits: ExtractionLimits,
  ) {
    this.#request = request
    this.#file = file
    this.#context = context
    this.#limits = limits
    this.#selection = new Selection(request.selection)
    this.#writer = new TreeWriter(request.output, request.archive)
  }

  static async start(
    request: Omit<ExtractRequest, "source">,
    file: FollowedFile,
    context: StepContext,
  ): Promise<Extraction> {
    const limits = await ExtractionLimits.of(request.archive, dirname(request.output))
    return new Extraction(request, file, context, limits)
  }

  async tar(): Promise<ExtractedTree> {
    const { archive, verified } = this.#request
    const { signal } = this.#context
    const throughput: Throughput = { packed: 0, plain: 0 }
    try {
      const more = await readTar(plainBytes(this.#file, { archive, signal, throughput }), this.#visitor(true), {
        archive,
        signal,
        whole: verified,
        afterPiece: () => {
          this.#limits.requireRatio(throughput.plain, throughput.packed)
          this.#report(throughput.packed)
          return this.#writer.room()
        },
      })
      if (more) this.#warn(`what follows the end of "${archive}" is left out, as by tar without -i`)
      await this.#writer.settle()
      // The decompressor may be satisfied before the last bytes; nothing is done before the download is.
      await this.#file.whole()
    } catch (error) {
      await this.#writer.settle().catch(() => {})
      throw error
    }
    this.#selection.settle()
    if (this.#selection.filtered) {
      for (const path of this.#writer.written()) if (!this.#selection.wants(path)) this.#writer.drop(path)
    }
    return await this.#finish()
  }

  async zip(): Promise<ExtractedTree> {
    const { archive } = this.#request
    const members = (all: Iterable<Member>, packed: number): void => {
      for (const member of all) this.#observe(member)
      this.#selection.settle()
      let [bytes, files] = [0, 0]
      for (const member of all) {
        if (member.type !== "file" || this.#destination(member) === undefined) continue
        bytes += member.size
        files++
      }
      this.#limits.requireRatio(bytes, packed)
      this.#limits.requireSpace(bytes, files)
    }
    try {
      await readZip(
        this.#file,
        { ...this.#visitor(false), members, wants: (member) => this.#destination(member) !== undefined },
        {
          archive,
          signal: this.#context.signal,
          afterMember: (packed) => {
            this.#report(packed)
            return this.#writer.room()
          },
        },
      )
    } finally {
      await this.#writer.settle()
    }
    return await this.#finish()
  }

  async close(): Promise<void> {
    await this.#writer.close()
  }

  #visitor(streaming: boolean) {
    return {
      file: (member: Member): FileSink | undefined => {
        if (streaming) this.#observe(member)
        const path = this.#destination(member)
        if (path === undefined) return undefined
        this.#watchNames(path, member)
        this.#files++
        if (streaming) this.#limits.requireSpace(member.size, this.#files)
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
        if (path === undefined) return
        this.#watchNames(path, member)
        this.#writer.symlink(path, member, target)
      },
      hardlink: (member: Member, target: string[]): void => {
        if (streaming) this.#observe(member)
        const path = this.#destination(member)
        if (path === undefined) return
        this.#watchNames(path, member)
        this.#writer.hardlink(path, member, this.#wantedTarget(member, target))
      },
    }
  }

  #observe(member: Member): void {
    this.#members++
    this.#selection.observe(member.segments)
  }

  #destination(member: Member): string[] | undefined {
    const path = this.#selection.destination(member.segments)
    return path !== undefined && this.#selection.wants(path) ? path : undefined
  }

  /** Of two members that get one name, the last one stays, as in tar; that `strip` made it one nobody would see. */
  #watchNames(path: readonly string[], { name, segments }: Member): void {
    if (!Number(this.#request.selection.strip)) return
    this.#stripped.add(segments.slice(0, segments.length - path.length).join("/"))
    if (this.#stripped.size < 2 || !this.#writer.has(path)) return
    this.#replacing = { count: (this.#replacing?.count ?? 0) + 1, last: printable(name) }
  }

  #tellReplaced(): void {
    if (this.#replacing === undefined) return
    const { count, last } = this.#replacing
    const were = count === 1 ? "1 was replaced, by" : `${count} were replaced, the last one by`
    this.#warn(
      `"strip" gives several members of "${this.#request.archive}" one name, of which only the last is kept: ${were} "${last}"`,
    )
  }

  #warn(message: string): void {
    const { dataset, progress } = this.#context
    progress({ phase: "notice", level: "warning", message: `${dataset}: ${message}` })
  }

  /** What a link's content is that of; where it was passed over, the content of the link is lost, too. */
  #wantedTarget(member: Member, target: string[]): string[] | undefined {
    const path = this.#selection.destination(target)
    if (target.length === 0 || (path !== undefined && this.#selection.wants(path))) return path
    const { archive } = this.#request
    const [name, other] = [printable(member.name), printable(target.join("/"))]
    const reason = `is a hard link to "${other}", which is not among the wanted members`
    throw new DatamaestroError("BROKEN_DEFINITION", `Cannot extract "${archive}": member "${name}" ${reason}`, {
      hint: "the definition must name both or neither: tell the author of the repository",
      details: { archive, member: name },
    })
  }

  async #finish(): Promise<ExtractedTree> {
    const { archive, output } = this.#request
    if (this.#members === 0) throw noMembers(archive)
    const root = this.#selection.root
    this.#selection.requireFound(archive, this.#writer.written())
    const links = this.#writer.links(root)
    const files = this.#writer.finish(root)
    this.#tellReplaced()
    this.#report((await this.#file.whole()).bytes, true)
    return { root: join(output, ...root), files, links }
  }

  #report(packed: number, last = false): void {
    const now = performance.now()
    if (!last && now - this.#reported < REPORT_MILLISECONDS) return
    this.#reported = now
    const { dataset, resource, progress } = this.#context
    const total = this.#file.size
    progress({
      phase: "extract",
      dataset,
      resource,
      bytes: packed,
      ...(total === undefined ? {} : { total }),
      files: this.#files,
    })
  }
}
