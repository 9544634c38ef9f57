import { createRequire } from "node:module"
import { join } from "node:path"
import { isRepositoryClass } from "@datamaestro/dataset"
import type { FoundRepository } from "../repositories/found-repository.ts"
import { repositoriesHere } from "../repositories/repositories-here.ts"

/** A repository that this machine has. */
export interface RepositoryHandle {
  /** The namespace: `image`. */
  readonly id: string
  /** What people call it: the class's `NAME`, else the id; reading it loads the repository's module. */
  readonly name: string
  /** The npm package it comes from. */
  readonly package: string
  readonly version: string
}

/**
 * The repositories found from here, none of their code run; without those whose package.json can't be read.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY
 */
export function listRepositories(): RepositoryHandle[] {
  return repositoriesHere().found.map((one) => ({
    id: one.id,
    package: one.package,
    version: one.version,
    get name() {
      return declaredName(one) ?? one.id
    },
  }))
}

/** A module that can't be loaded has no other name than its id: what is wrong with it is told where it is used. */
function declaredName(found: FoundRepository): string | undefined {
  const path = join(found.folder, found.module)
  try {
    // Node >= 20.19 loads ES modules by require too, which makes this answer at once.
    const exported = (createRequire(path)(path) as Record<string, unknown>)[found.export]
    return isRepositoryClass(exported) ? exported.NAME : undefined
  } catch {
    return undefined
  }
}
