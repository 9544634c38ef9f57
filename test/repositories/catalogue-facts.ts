import { stateName } from "@datamaestro/dataset"
import { readFile } from "node:fs/promises"

/** One resource of a fact sheet. */
export interface ResourceFact {
  name: string
  kind: string
  url?: string
  urls?: string[]
  mirrors?: string[]
  filename?: string
  subpath?: string
  files?: string[]
  size?: number
  reference?: string
  links?: Record<string, string>
  transforms?: TransformFact[]
  datafolder?: [string, string]
  extract?: string
  dataFiles?: string
  checksum?: SumFact & { suspect?: boolean; glob?: string }
  crossCheck?: SumFact & { size?: number; agrees?: boolean }
}

export type TransformFact = string | { replace: [string, string] } | { filter: string }

interface SumFact {
  algorithm: string
  value: string
  of: "download" | "output" | "glob" | "unknown"
}

export type ResultFact = string | number | boolean | null | ResultFact[] | { [name: string]: ResultFact }

/** One dataset of a fact sheet: what the public Python plug-ins declare. */
export interface Fact {
  id: string
  /** The repository whose sheet it is on. */
  sheet: string
  homepage?: string
  doi?: string
  license?: string
  size?: string
  tags?: string[]
  tasks?: string[]
  timestamp?: boolean
  agreement?: { id: string; url?: string }
  datatype?: string
  resources: ResourceFact[]
  result: { [name: string]: ResultFact }
  resultTypes?: Record<string, string>
}

const SHEETS = ["image", "text", "ml", "ir"]

/** The fact sheets: where an id is on two of them, that of `ir` counts. */
export class Catalogue {
  readonly facts: ReadonlyMap<string, Fact>
  /** Ids that are on the sheets of both `text` and `ir`. */
  readonly moved: readonly string[]

  private constructor(facts: ReadonlyMap<string, Fact>, moved: readonly string[]) {
    this.facts = facts
    this.moved = moved
  }

  static async read(): Promise<Catalogue> {
    const facts = new Map<string, Fact>()
    const moved: string[] = []
    for (const sheet of SHEETS) {
      const path = new URL(`../fixtures/catalogue/${sheet}.json`, import.meta.url)
      for (const fact of JSON.parse(await readFile(path, "utf8")) as Omit<Fact, "sheet">[]) {
        if (facts.has(fact.id)) moved.push(fact.id)
        facts.set(fact.id, { ...fact, sheet })
      }
    }
    return new Catalogue(facts, moved)
  }

  get(id: string): Fact {
    const fact = this.facts.get(id)
    if (fact === undefined) throw new Error(`no sheet has "${id}"`)
    return fact
  }

  /** Whether neither it nor what it refers to is made by code that Python brings along: most often a document store. */
  isInReach(fact: Fact): boolean {
    const referenced = fact.resources.flatMap(({ reference, links }) => [
      ...(reference === undefined ? [] : [reference]),
      ...Object.values(links ?? {}),
    ])
    const known = fact.resources.every(({ kind }) => kind !== "custom")
    return known && referenced.every((id) => this.isInReach(this.get(id)))
  }

  /**
   * The value that a fact says is prepared, in the form of `flatValue`: paths as `id#resource/inner/path`, what is
   * referred to in full.
   */
  expectedValue(fact: Fact): ResultFact {
    return this.#expected(fact.result, fact, undefined)
  }

  #expected(value: ResultFact, fact: Fact, key: string | undefined): ResultFact {
    if (Array.isArray(value)) return value.map((item) => this.#expected(item, fact, undefined))
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.#expected(item, fact, name)]))
    }
    if (typeof value !== "string") return value
    return this.#resolved(value, fact, key) ?? value
  }

  #resolved(text: string, fact: Fact, key: string | undefined): ResultFact | undefined {
    const [head = "", inner] = text.split("->")
    if (inner !== undefined) {
      const reference = fact.resources.find(({ name }) => name === head)?.reference
      return reference === undefined ? undefined : this.#resolved(inner, this.get(reference), key)
    }
    const resource = fact.resources.find(({ name }) => head === name || head.startsWith(`${name}/`))
    if (resource === undefined) return undefined
    if (resource.reference !== undefined) return this.expectedValue(this.get(resource.reference))
    const path = `${fact.id}#${stateName(resource.name)}${head.slice(resource.name.length)}`
    return key === "path" ? path : { path }
  }
}
