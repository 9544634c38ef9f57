import { DatamaestroError, type AgentClient, type Params, type RepositoryLocation } from "@datamaestro/protocol"
import { join, posix } from "node:path"
import type { SessionEvent } from "../session/session.ts"
import type { FoundRepository } from "./found-repository.ts"
import { packRepository, type Pack } from "./pack-repository.ts"
import { repositoriesHere } from "./repositories-here.ts"
import { uploadPack } from "./upload-pack.ts"

export interface DeclareRepositoriesOptions {
  /** A local agent reads modules where they are; to a remote one they travel. */
  where: "local" | "remote"
  onEvent: (event: SessionEvent) => void
  signal?: AbortSignal | undefined
  /** Package folders besides those that are found. */
  folders?: readonly string[] | undefined
  /** What was gathered already. */
  gathered?: Promise<GatheredRepositories> | undefined
}

/** What this machine has, as an agent is told, and the packs that it may lack. */
export interface GatheredRepositories {
  params: Params<"repositories/declare">
  packs: ReadonlyMap<string, { pack: Pack; name: string }>
}

/**
 * Finds the repositories of this machine, and packs those that travel: all that needs no agent.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY for what is wrong here
 */
export async function gatherRepositories({
  where,
  onEvent,
  folders,
}: Pick<DeclareRepositoriesOptions, "where" | "onEvent" | "folders">): Promise<GatheredRepositories> {
  const { found, broken } = repositoriesHere(folders)
  const unreadable = broken.map(({ message }) => message)
  if (where === "local") {
    const repositories = found.map((one) => location(one, { kind: "file", path: join(one.folder, one.module) }))
    return { params: { repositories, unreadable }, packs: new Map() }
  }
  const packs = new Map<string, { pack: Pack; name: string }>()
  const repositories: RepositoryLocation[] = []
  for (const [first, ...others] of byFolder(found)) {
    const pack = await packRepository([first, ...others]).catch((error: unknown) => {
      // As on this machine, one broken repository is told of, and doesn't stand in the way of the others.
      if (!(error instanceof DatamaestroError && error.code === "BROKEN_REPOSITORY")) throw error
      onEvent({ phase: "notice", level: "warning", message: error.message })
      return undefined
    })
    if (pack !== undefined) packs.set(pack.hash, { pack, name: first.package })
    for (const one of [first, ...others]) {
      if (pack === undefined) {
        repositories.push(location(one, { kind: "file", path: join(one.folder, one.module) }))
        continue
      }
      repositories.push(location(one, { kind: "pack", hash: pack.hash, entry: posix.join(pack.folder, one.module) }))
    }
  }
  return { params: { repositories, unreadable }, packs }
}

/**
 * Tells the agent which repositories this machine has, and uploads of them what it lacks.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY for what is wrong here; what the agent answers, such as NO_SPACE
 */
export async function declareRepositories(agent: AgentClient, options: DeclareRepositoriesOptions): Promise<void> {
  const { signal, onEvent } = options
  const { params, packs } = await (options.gathered ?? gatherRepositories(options))
  const { missing } = await agent.request("repositories/declare", params, { signal })
  for (const hash of missing) {
    const lacking = packs.get(hash)
    if (lacking === undefined) continue
    const bytes = await lacking.pack.archive()
    const onProgress = (sent: number): void =>
      onEvent({ phase: "upload", what: lacking.name, bytes: sent, total: bytes.length })
    await uploadPack(agent, { hash, bytes, onProgress, signal })
  }
}

function byFolder(found: readonly FoundRepository[]): [FoundRepository, ...FoundRepository[]][] {
  const packages = new Map<string, [FoundRepository, ...FoundRepository[]]>()
  for (const one of found) {
    const others = packages.get(one.folder)
    if (others === undefined) packages.set(one.folder, [one])
    else others.push(one)
  }
  return [...packages.values()]
}

function location(one: FoundRepository, module: RepositoryLocation["module"]): RepositoryLocation {
  return { id: one.id, package: one.package, version: one.version, export: one.export, module }
}
