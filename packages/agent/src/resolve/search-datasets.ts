import type { AnyDefinition } from "@datamaestro/dataset"
import { DatamaestroError, type SearchHit } from "@datamaestro/protocol"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"
import type { DatasetAddress } from "./find-dataset.ts"
import { axesOf, dataType } from "./info-of.ts"
import { resolveDataset } from "./resolve-dataset.ts"

type Field = "id" | "repository" | "tag" | "task" | "type"

interface Term {
  field: Field
  pattern: RegExp
}

export interface SearchResult {
  /** By repository as declared, then by id. */
  hits: SearchHit[]
  /** What could not be looked into, and why. */
  warnings: string[]
}

const FIELDS: Readonly<Record<string, Field>> = {
  tag: "tag",
  task: "task",
  repo: "repository",
  repository: "repository",
  type: "type",
}

/**
 * Finds the datasets that match all terms: regular expressions, whatever their case, for the id, or after
 * `tag:`, `task:`, `repo:`, `repository:`, `type:`. Definitions are loaded only where the cheaper terms match.
 *
 * @throws DatamaestroError USAGE for a term that is no regular expression, or has an unknown prefix; BROKEN_REPOSITORY where
 *   a term is for repositories, and none of those can be loaded
 */
export async function searchDatasets(terms: readonly string[], index: RepositoryIndex): Promise<SearchResult> {
  const wanted = terms.map(parseTerm)
  const warnings = [...index.unreadable]
  const candidates: DatasetAddress[] = []
  const repositories = index.ids.filter((id) => matches(wanted, "repository", [id]))
  const unloadable: unknown[] = []
  for (const repository of repositories) {
    try {
      const { datasets } = await index.repository(repository)
      const ids = [...datasets.keys()].filter((id) => matches(wanted, "id", [id]))
      candidates.push(...ids.sort().map((id) => ({ id, repository })))
    } catch (error) {
      unloadable.push(error)
    }
  }
  const [first] = unloadable
  const named = wanted.some(({ field }) => field === "repository")
  if (named && first !== undefined && unloadable.length === repositories.length) throw first
  warnings.push(...unloadable.map(withNextStep))
  const hits = await Promise.all(
    candidates.map(async (address) => {
      try {
        return await hitOf(address, wanted, index)
      } catch (error) {
        warnings.push(withNextStep(error))
        // It may well be meant, if only its id was asked for: it is there, though it can't be used.
        return wanted.every(({ field }) => field === "id" || field === "repository") ? address : undefined
      }
    }),
  )
  return { hits: hits.filter((hit) => hit !== undefined), warnings: warnings.sort() }
}

function withNextStep(error: unknown): string {
  const hint = error instanceof DatamaestroError ? error.hint : undefined
  return hint === undefined ? reasonOf(error) : `${reasonOf(error)}; ${hint}`
}

async function hitOf(
  address: DatasetAddress,
  wanted: readonly Term[],
  index: RepositoryIndex,
): Promise<SearchHit | undefined> {
  const definition = await index.definition(address.repository, address.id)
  if (!matches(wanted, "tag", definition.tags) || !matches(wanted, "task", definition.tasks)) return undefined
  if (
    wanted.some(({ field }) => field === "type") &&
    !matches(wanted, "type", [await typeOf(definition, address, index)])
  ) {
    return undefined
  }
  const { name, description } = definition
  return {
    ...address,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(Object.keys(definition.axes).length === 0 ? {} : { axes: axesOf(definition) }),
  }
}

async function typeOf(definition: AnyDefinition, address: DatasetAddress, index: RepositoryIndex): Promise<string> {
  if (definition.type !== undefined) return definition.type
  return dataType(await resolveDataset(`${address.id}@${address.repository}`, index, { example: true }))
}

/** Whether each term for this field matches one of its values. */
function matches(wanted: readonly Term[], field: Field, values: readonly string[]): boolean {
  return wanted.every((term) => term.field !== field || values.some((value) => term.pattern.test(value)))
}

function unknownPrefix(term: string, prefix: string): DatamaestroError {
  const known = Object.keys(FIELDS).map((each) => `${each}:`)
  return new DatamaestroError("USAGE", `Cannot search for "${term}": there is no prefix "${prefix}:"`, {
    hint: `the prefixes are ${known.join(", ")}; a term without one is for the id`,
    details: { term, prefix, known },
  })
}

function parseTerm(term: string): Term {
  const prefix = /^([a-z]+):/i.exec(term)?.[1]
  const field = prefix === undefined ? undefined : FIELDS[prefix.toLowerCase()]
  // No id has a colon: a word before one is a prefix that was mistyped, and would silently find nothing.
  if (prefix !== undefined && field === undefined) throw unknownPrefix(term, prefix)
  const source = prefix === undefined ? term : term.slice(prefix.length + 1)
  try {
    return { field: field ?? "id", pattern: new RegExp(source.normalize("NFC"), "i") }
  } catch (error) {
    // V8 says "Invalid regular expression: /SOURCE/i: REASON".
    const reason = reasonOf(error).split(": ").at(-1) ?? ""
    throw new DatamaestroError("USAGE", `Cannot search for "${term}": it is no regular expression: ${reason}`, {
      hint: "put a backslash before a character that is meant as it is, such as \\( or \\[",
      details: { term, reason },
    })
  }
}
