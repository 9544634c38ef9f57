import { packageFolder } from "../deploy/package-folder.ts"
import { findRepositories, type RepositoriesHere } from "./find-repositories.ts"

/**
 * What this machine has, seen from this process.
 *
 * @param folders package folders besides those that are found, absolute
 * @throws DatamaestroError BROKEN_REPOSITORY
 */
export function repositoriesHere(folders: readonly string[] = []): RepositoriesHere {
  const { env: environment, versions } = process
  return findRepositories({ controller: packageFolder(), directory: process.cwd(), environment, versions, folders })
}
