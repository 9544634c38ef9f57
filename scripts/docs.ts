/**
 * Writes the catalogue of the repositories in this clone as one page, by default to `site/catalogue.html`:
 * `npm run docs`, or `npm run docs -- FILE`.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { findRepositories } from "../packages/controller/src/repositories/find-repositories.ts"
import { collectEntries } from "./catalogue/collect-entries.ts"
import { renderPage } from "./catalogue/render-page.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))

const { found } = findRepositories({
  controller: resolve(ROOT, "packages/controller"),
  directory: ROOT,
  environment: {},
})
const entries = await collectEntries(
  found.map(({ folder, module, ...location }) => ({
    ...location,
    module: { kind: "file", path: resolve(folder, module) },
  })),
)
const path = resolve(process.argv[2] ?? resolve(ROOT, "site/catalogue.html"))
await mkdir(dirname(path), { recursive: true })
await writeFile(path, renderPage(entries))
console.log(`${path}: ${entries.length} datasets`)
