import type { RepositoryLocation } from "@datamaestro/protocol"
import { expect } from "chai"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

interface Manifest {
  name: string
  version: string
  datamaestro: { repositories: Record<string, string> }
}

/** One of our repositories as its package.json declares it, its sources in place of what is built from them. */
export async function declaredRepository(id: string): Promise<RepositoryLocation> {
  const folder = new URL(`../../packages/repository-${id}/`, import.meta.url)
  const manifest = JSON.parse(await readFile(new URL("package.json", folder), "utf8")) as Manifest
  const [built = "", name = ""] = manifest.datamaestro.repositories[id]?.split("#") ?? []
  expect(built).to.match(/^\.\/dist\/.*\.js$/)
  const source = built.replace("./dist/", "./src/").replace(/\.js$/, ".ts")
  const module = { kind: "file" as const, path: fileURLToPath(new URL(source, folder)) }
  return { id, package: manifest.name, version: manifest.version, export: name, module }
}
