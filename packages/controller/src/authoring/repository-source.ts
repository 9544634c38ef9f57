import { DatamaestroError } from "@datamaestro/protocol"
import { existsSync, readFileSync } from "node:fs"
import { join, sep } from "node:path"
import { parse } from "jsonc-parser"
import type { FoundRepository } from "../repositories/found-repository.ts"

/** Where a repository's class is written, which may not be what is loaded. */
export interface RepositorySource {
  /** The module with the class, absolute. */
  path: string
  /** Whether it must be built before it is found. */
  compiled: boolean
}

/**
 * The source of a repository's module: itself, or the TypeScript that it is compiled from, as `tsconfig.json` says
 * (`rootDir`, `outDir`), else in the usual folders.
 *
 * @throws DatamaestroError READ_ONLY for an installed package, BROKEN_REPOSITORY where there is no source
 */
export function repositorySource({ id, folder, module }: FoundRepository): RepositorySource {
  if (folder.split(sep).includes("node_modules")) {
    throw new DatamaestroError(
      "READ_ONLY",
      `Cannot write into repository "${id}": "${folder}" is an installed package`,
      {
        hint: "work in its source: name that folder in DATAMAESTRO_REPOSITORY_PATH, or make a repository of your own",
        details: { repository: id, path: folder },
      },
    )
  }
  const built = join(folder, ...module.split("/"))
  if (/\.[cm]?ts$/.test(module)) return { path: built, compiled: false }
  const typescript = module.replace(/\.([cm]?)js$/, ".$1ts")
  const { rootDir, outDir } = folders(folder)
  const inside = outDir === undefined ? undefined : below(outDir, typescript)
  const candidates = [
    ...(inside === undefined ? [] : [`${rootDir ?? "src"}/${inside}`, inside]),
    typescript.replace(/^[^/]+\//, "src/"),
    typescript,
  ]
  const found = candidates.map((path) => join(folder, path)).find((path) => existsSync(path))
  if (found !== undefined) return { path: found, compiled: true }
  if (existsSync(built)) return { path: built, compiled: false }
  throw new DatamaestroError(
    "BROKEN_REPOSITORY",
    `Cannot find the source of repository "${id}": there is no "${built}"`,
    {
      hint: "correct datamaestro.repositories in its package.json",
      details: { repository: id, path: built },
    },
  )
}

function folders(folder: string): { rootDir?: string | undefined; outDir?: string | undefined } {
  const path = join(folder, "tsconfig.json")
  if (!existsSync(path)) return {}
  const { compilerOptions = {} } = (parse(readFileSync(path, "utf8")) ?? {}) as {
    compilerOptions?: { rootDir?: unknown; outDir?: unknown }
  }
  const plain = (value: unknown): string | undefined =>
    typeof value === "string" ? value.replace(/^\.\//, "").replace(/\/+$/, "") : undefined
  return { rootDir: plain(compilerOptions.rootDir), outDir: plain(compilerOptions.outDir) }
}

function below(folder: string, path: string): string | undefined {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined
}
