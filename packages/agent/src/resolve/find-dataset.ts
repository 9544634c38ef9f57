import { DatamaestroError } from "@datamaestro/protocol"
import { nearNames } from "../near/near-names.ts"
import { reasonOf } from "../repositories/load-repository.ts"
import type { RepositoryIndex } from "../repositories/repository-index.ts"

/** A dataset's full id and the repository it is in. */
export interface DatasetAddress {
  id: string
  repository: string
}

export interface FindOptions {
  /** Only in this one. */
  repository?: string | undefined
  /** Searched before the others. */
  first?: string | undefined
}

interface Listing {
  ids: DatasetAddress[]
  /** Repositories that could not be looked into, and why. */
  broken: string[]
  /** That it is this machine's fault, not theirs. */
  failure?: DatamaestroError
}

/**
 * Finds a dataset by its id, or by the last parts of it (`mnist` for `com.lecun.mnist`). A full id wins over the
 * end of another one, and the repository that is searched first over the others. Loads no definition.
 *
 * @throws DatamaestroError UNKNOWN_DATASET with near ids as hint; AMBIGUOUS_DATASET listing the matches;
 *   UNKNOWN_REPOSITORY, BROKEN_REPOSITORY for the one that was named; STORAGE_FAILED where it may be in one that this machine can't read
 */
export async function findDataset(
  typed: string,
  index: RepositoryIndex,
  options: FindOptions = {},
): Promise<DatasetAddress> {
  const id = typed.normalize("NFC")
  if (options.repository !== undefined) {
    const { datasets, moved } = await index.repository(options.repository)
    const own = addresses(options.repository, datasets.keys())
    const elsewhere = Array.from(moved, ([movedId, repository]) => ({ id: movedId, repository }))
    return choose(typed, id, { ids: [...own, ...elsewhere], broken: [] }, options.repository)
  }
  if (options.first !== undefined && index.ids.includes(options.first)) {
    const preferred = await list(index, [options.first])
    if (preferred.ids.some((address) => address.id === id)) return choose(typed, id, preferred)
  }
  const all = await list(index, index.ids)
  all.broken.push(...index.unreadable)
  const exact = all.ids.some((address) => address.id === id)
  const preferred = all.ids.filter((address) => address.repository === options.first && endsIn(address.id, id))
  return choose(typed, id, !exact && preferred.length > 0 ? { ...all, ids: preferred } : all)
}

function choose(typed: string, id: string, listing: Listing, within?: string): DatasetAddress {
  const exact = listing.ids.filter((address) => address.id === id)
  const matches = exact.length > 0 ? exact : listing.ids.filter((address) => endsIn(address.id, id))
  const [match, ...others] = matches
  if (match === undefined) throw listing.failure ?? unknown(typed, listing, within)
  if (others.length === 0) return match
  const names = matches.map((address) => `${address.id}@${address.repository}`).sort()
  throw new DatamaestroError("AMBIGUOUS_DATASET", `Cannot choose dataset "${typed}": there are ${names.join(", ")}`, {
    hint: `say which, for example ${names[0] ?? ""}`,
    details: { dataset: typed, matches: names },
  })
}

async function list(index: RepositoryIndex, repositories: readonly string[]): Promise<Listing> {
  const listing: Listing = { ids: [], broken: [] }
  const loaded = await Promise.allSettled(repositories.map((id) => index.repository(id)))
  for (const result of loaded) {
    if (result.status === "rejected") {
      const reason: unknown = result.reason
      listing.broken.push(reasonOf(reason))
      if (reason instanceof DatamaestroError && reason.code === "STORAGE_FAILED") listing.failure ??= reason
    } else listing.ids.push(...addresses(result.value.id, result.value.datasets.keys()))
  }
  return listing
}

function addresses(repository: string, ids: Iterable<string>): DatasetAddress[] {
  return Array.from(ids, (id) => ({ id, repository }))
}

function endsIn(id: string, tail: string): boolean {
  return id.endsWith(`.${tail}`)
}

function unknown(typed: string, listing: Listing, within: string | undefined): DatamaestroError {
  const near = nearNames(typed, new Set(listing.ids.map(({ id }) => id)))
  const hints = [
    ...(listing.broken.length > 0 ? ["repair or remove what can't be loaded: it may be there"] : []),
    near.length > 0 ? `did you mean ${near.join(" or ")}?` : "look for it with `datamaestro search TERM`",
  ]
  const place = within === undefined ? nowhere(listing.broken) : `repository "${within}" does not have it`
  return new DatamaestroError("UNKNOWN_DATASET", `Cannot find dataset "${typed}": ${place}`, {
    hint: hints.join("; "),
    details: { dataset: typed, near, ...(listing.broken.length === 0 ? {} : { broken: listing.broken }) },
  })
}

/** A dataset that is not found may well be in what could not be looked into: that is the cause to tell. */
function nowhere(broken: readonly string[]): string {
  if (broken.length === 0) return "no repository has it"
  return `no repository that can be loaded has it (${broken.join("; ")})`
}
