import picomatch from "picomatch"
import { printable } from "../compression/damaged-archive.ts"
import { nearNames } from "../near/near-names.ts"
import { contentMismatch } from "./content-mismatch.ts"

/** Of so many members the names are kept, to tell what there is in place of what is wanted. */
const MOST_NAMES = 10_000
/** So many of them are told. */
const SHOWN_NAMES = 3

/** Which members are wanted and under which names; as in `PlannedArchive`. */
export interface SelectionOptions {
  strip: number | "auto"
  subpath?: string | undefined
  files?: readonly string[] | undefined
  include?: readonly string[] | undefined
}

/** Not the `!(…)` that stands for a name. */
const NEGATED = /^!(?!\()/

/**
 * Chooses members and gives them their names below the output folder.
 *
 * `subpath` applies to names as the archive has them, then `strip`, then `files` and `include`. A name in `files` may be
 * a folder, which stands for all below it; a glob in `include` that begins with `!` takes away what the others want.
 *
 * With `auto` (and no `subpath`) a single top-level folder is dropped, and `files` and `include` may name members with or
 * without it, since Python's datamaestro names them with it. Whether there is one is known when every member was observed:
 * until `settle()` members that either outcome could want are wanted, and names still have their first part.
 */
export class Selection {
  readonly #subpath: readonly string[]
  readonly #strip: number
  readonly #auto: boolean
  readonly #files: ReadonlySet<string> | undefined
  readonly #includes: ((name: string) => boolean) | undefined
  readonly #excludes: (name: string) => boolean = () => false
  readonly #found = new Set<string>()
  readonly #tops = new Set<string>()
  /** What there is where something is wanted, as `files` would have it but for what `auto` drops. */
  readonly #names: string[] = []
  #topIsFolder = false
  #settled = false
  #root: string[] = []

  constructor(options: SelectionOptions) {
    this.#subpath = (options.subpath ?? "").split("/").filter((part) => part !== "" && part !== ".")
    this.#strip = options.strip === "auto" ? 0 : options.strip
    this.#auto = options.strip === "auto" && this.#subpath.length === 0
    this.#files = options.files === undefined ? undefined : new Set(options.files.map(plainName))
    if (options.include === undefined) return
    const unwanted = options.include.filter((glob) => NEGATED.test(glob))
    const wanted = options.include.filter((glob) => !NEGATED.test(glob))
    this.#includes = picomatch(wanted.length > 0 ? wanted : "**", { dot: true })
    const excluded = unwanted.map((glob) => glob.slice(1))
    this.#excludes = picomatch(excluded, { dot: true })
  }

  /** Only some members are wanted, so folders appear only where a wanted file lies. */
  get filtered(): boolean {
    return this.#files !== undefined || this.#includes !== undefined
  }

  /** Must see every member, wanted or not. */
  observe(segments: readonly string[]): void {
    const top = segments[0]
    if (this.filtered && this.#names.length < MOST_NAMES) {
      const name = this.destination(segments)
      if (name !== undefined) this.#names.push(name.join("/"))
    }
    if (top === undefined || this.#tops.size > 1) return
    this.#tops.add(top)
    // Not an empty one, which is all that there is: without it a dataset has nothing, as if it were not prepared.
    if (segments.length > 1) this.#topIsFolder = true
  }

  /** Every member was observed. */
  settle(): void {
    this.#settled = true
    if (this.#auto && this.#topIsFolder && this.#tops.size === 1) this.#root = [...this.#tops]
  }

  /** The parts that `auto` drops, to be taken as the root of what was written; empty before `settle()`. */
  get root(): readonly string[] {
    return this.#root
  }

  /** The name below the output folder, `auto` not yet applied; undefined: not below `subpath`, or stripped away. */
  destination(segments: readonly string[]): string[] | undefined {
    if (segments.length <= this.#subpath.length) return undefined
    if (this.#subpath.some((part, index) => segments[index] !== part)) return undefined
    const rest = segments.slice(this.#subpath.length + this.#strip)
    return rest.length === 0 ? undefined : rest
  }

  /** Whether a destination is one of `files` and matches `include`. */
  wants(destination: readonly string[]): boolean {
    if (!this.filtered) return destination.length > 0
    if (this.#excludes(destination.join("/"))) return false
    if (!this.#auto || (this.#settled && this.#root.length === 0)) return this.#matches(destination)
    if (this.#settled && this.#excludes(destination.slice(1).join("/"))) return false
    const whole = this.#matches(destination)
    return this.#matches(destination.slice(1)) || whole
  }

  /** @throws DatamaestroError CONTENT_MISMATCH naming the `files` that no member was wanted for, and the nearest that there are */
  requireFound(archive: string, written: Iterable<readonly string[]>): void {
    this.#found.clear()
    let some = false
    for (const destination of written) {
      some = true
      if (!this.filtered) break
      this.#matches(destination)
      if (this.#root.length > 0) this.#matches(destination.slice(this.#root.length))
    }
    const missing = [...(this.#files ?? [])].filter((name) => !this.#found.has(name))
    if (missing.length > 0) {
      const names = missing.map((name) => `"${name}"`).join(", ")
      const there = this.#nearest(missing)
      const reason = `it has no ${names}${there.length === 0 ? "" : `, but ${there.join(", ")}`}`
      throw contentMismatch(`Cannot extract "${archive}": ${reason}`, { archive, missing })
    }
    if (some) return
    if (this.#subpath.length === 0 && this.#strip === 0 && !this.filtered) return
    throw contentMismatch(`Cannot extract "${archive}": ${this.#nothing()}`, {
      archive,
      subpath: this.#subpath.join("/"),
    })
  }

  /** Why nothing is wanted. */
  #nothing(): string {
    const passedOver = this.#nearest([])
    if (passedOver.length > 0) return `none of its members is wanted; it has ${passedOver.join(", ")}`
    if (this.#subpath.length === 0) return "none of its members is wanted"
    const there = [...this.#tops].map((top) => `"${printable(top)}"`).join(", ")
    return `it has nothing below "${this.#subpath.join("/")}", but ${there}`
  }

  /** What is nearest to names that are not there, else the first ones, quoted. */
  #nearest(missing: readonly string[]): string[] {
    const skipped = this.#root.length === 0 ? 0 : this.#root.join("/").length + 1
    const names = this.#names.map((name) => name.slice(skipped)).filter((name) => name !== "")
    const near = missing.slice(0, SHOWN_NAMES).flatMap((name) => nearNames(name, names, { limit: 1, separator: "/" }))
    const shown = near.length > 0 ? near : names
    return [...new Set(shown)].slice(0, SHOWN_NAMES).map((name) => `"${printable(name)}"`)
  }

  #matches(destination: readonly string[]): boolean {
    if (destination.length === 0) return false
    return this.#matchesFiles(destination) && (this.#includes?.(destination.join("/")) ?? true)
  }

  #matchesFiles(destination: readonly string[]): boolean {
    if (this.#files === undefined) return true
    for (let length = destination.length; length > 0; length--) {
      const name = destination.slice(0, length).join("/")
      if (!this.#files.has(name)) continue
      this.#found.add(name)
      return true
    }
    return false
  }
}

function plainName(name: string): string {
  return name.replace(/^(\.\/)+/, "").replace(/\/+$/, "")
}
