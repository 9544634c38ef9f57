import { mkdir, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export interface RepositoryPackageOptions {
  /** The namespace, and part of the package's name. */
  id: string
  /** Below the package's folder: path to content. */
  files?: Readonly<Record<string, string>>
}

/**
 * Writes an ES module package with one repository of one dataset, `org.example.ID`, whose description comes from an
 * npm dependency of its own, and returns its folder. `@datamaestro/dataset` is linked, as npm links a workspace.
 */
export async function writeRepositoryPackage(parent: string, options: RepositoryPackageOptions): Promise<string> {
  const { id } = options
  const folder = join(parent, `repository-${id}`)
  const files: Record<string, string> = {
    "package.json": JSON.stringify({
      name: `repository-${id}`,
      version: "1.2.3",
      type: "module",
      dependencies: { "wise-words": "1.0.0" },
      datamaestro: { repositories: { [id]: "./lib/index.js#MyRepository" } },
    }),
    "lib/index.js": `
      import { Repository } from "@datamaestro/dataset"
      export class MyRepository extends Repository {
        static NAMESPACE = ${JSON.stringify(id)}
        static DESCRIPTION = "Of the tests"
        static datasets = { "org.example.${id}": async () => (await import("./thing.js")).thing }
      }`,
    "lib/thing.js": `
      import { defineDataset, file, textFile } from "@datamaestro/dataset"
      import words from "wise-words"
      console.log("a plug-in that prints")
      export const thing = defineDataset({
        id: "org.example.${id}",
        description: words.wisdom,
        resources: { text: file("http://127.0.0.1:9/thing.txt", { name: "thing.txt" }) },
        describe: ({ text }) => ({ text: textFile(text) }),
      })`,
    "node_modules/wise-words/package.json": JSON.stringify({ name: "wise-words", version: "1.0.0", main: "main.cjs" }),
    "node_modules/wise-words/main.cjs": `exports.wisdom = require("./saying.cjs")`,
    "node_modules/wise-words/saying.cjs": `module.exports = "measure twice"`,
    "node_modules/wise-words/unused.cjs": `throw new Error("nobody needs this")`,
    ...options.files,
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  await mkdir(join(folder, "node_modules/@datamaestro"), { recursive: true })
  const dataset = fileURLToPath(new URL("../../packages/dataset", import.meta.url))
  await symlink(dataset, join(folder, "node_modules/@datamaestro/dataset"))
  return folder
}
