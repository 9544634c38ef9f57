import { brandOf, FORMAT_VERSION, REPOSITORY } from "./brands.ts"
import type { AnyDefinition } from "./definition.ts"

/** Leads to a definition when it is first needed: `async () => (await import("./thing.js")).thing`. */
export type DatasetLoader = () => AnyDefinition | Promise<AnyDefinition>

/**
 * A collection of datasets under one name, which an npm package registers in its package.json:
 * `"datamaestro": { "repositories": { "myrepo": "./dist/index.js#MyRepository" } }`.
 */
export abstract class Repository {
  static readonly [REPOSITORY]: number = FORMAT_VERSION
  /** The name it is registered under, also its folder below `DATA/data`. */
  static readonly NAMESPACE: string = ""
  /** What people call it; default: the namespace. */
  static readonly NAME: string | undefined = undefined
  static readonly DESCRIPTION: string = ""
  /** The datasets by id, each loaded on its own. */
  static readonly datasets: Readonly<Record<string, DatasetLoader>> = {}
  /** Ids of datasets that another repository has now, by its namespace: asked for here, they are found there. */
  static readonly movedTo: Readonly<Record<string, readonly string[]>> = {}

  static get id(): string {
    return this.NAMESPACE
  }

  get id(): string {
    return this.#class.NAMESPACE
  }

  get name(): string {
    return this.#class.NAME ?? this.#class.NAMESPACE
  }

  get description(): string {
    return this.#class.DESCRIPTION
  }

  get #class(): typeof Repository {
    return this.constructor as typeof Repository
  }
}

/** What is needed of a repository's class: its statics. */
export type RepositoryClass = Pick<typeof Repository, "NAMESPACE" | "NAME" | "DESCRIPTION" | "datasets" | "movedTo">

/** Whether a class extends `Repository`, of this copy of the package or of another one of the same format. */
export function isRepositoryClass(thing: unknown): thing is RepositoryClass {
  return typeof thing === "function" && brandOf(thing, REPOSITORY) === FORMAT_VERSION
}
