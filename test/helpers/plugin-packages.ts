import type { RepositoryLocation } from "@datamaestro/protocol"
import { build } from "esbuild"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const SDK = fileURLToPath(new URL("../../packages/dataset/src/index.ts", import.meta.url))

/** A folder of plug-in packages as a third party would publish them: plain ES modules. */
export class PluginPackages implements AsyncDisposable {
  readonly root: string
  #sdk: Promise<string> | undefined

  private constructor(root: string) {
    this.root = root
  }

  static async create(): Promise<PluginPackages> {
    return new PluginPackages(await mkdtemp(join(tmpdir(), "plugins-")))
  }

  /** Writes a package of the given files; its `index.js` exports `MyRepository`. It brings its own copy of the SDK. */
  async add(id: string, files: Readonly<Record<string, string>>): Promise<RepositoryLocation> {
    const folder = join(this.root, id)
    const sdk = join(folder, "node_modules/@datamaestro/dataset")
    await mkdir(sdk, { recursive: true })
    const manifest = { name: "@datamaestro/dataset", type: "module", exports: "./index.js" }
    await writeFile(join(sdk, "package.json"), JSON.stringify(manifest))
    this.#sdk ??= this.#copySdk()
    await symlink(await this.#sdk, join(sdk, "index.js"))
    const datamaestro = { repositories: { [id]: "./index.js#MyRepository" } }
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ name: `repo-${id}`, version: "1.2.3", type: "module", datamaestro }),
    )
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    const module = { kind: "file" as const, path: join(folder, "index.js") }
    return { id, package: `repo-${id}`, version: "1.2.3", export: "MyRepository", module }
  }

  /** A package whose datasets are written out as expressions, by id; `prelude` stands above them. */
  async addDatasets(id: string, datasets: Readonly<Record<string, string>>, prelude = ""): Promise<RepositoryLocation> {
    const names = Object.keys(datasets)
    const loaders = names.map(
      (name, at) => `${JSON.stringify(name)}: async () => (await import("./d${at}.js")).default,`,
    )
    const files = names.map((name, at) => {
      const text = `import * as sdk from "@datamaestro/dataset"
const { axis, datafolderPath, defineDataset, file, folder, reference, step, tar, textFile, zip } = sdk
${prelude}
export default ${datasets[name] ?? ""}`
      return [`d${at}.js`, text] as const
    })
    const index = `import { Repository } from "@datamaestro/dataset"
export class MyRepository extends Repository {
  static NAMESPACE = ${JSON.stringify(id)}
  static DESCRIPTION = "Datasets of ${id}"
  static datasets = { ${loaders.join("\n")} }
}`
    return this.add(id, { "index.js": index, ...Object.fromEntries(files) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true })
  }

  async #copySdk(): Promise<string> {
    const outfile = join(this.root, "sdk.mjs")
    await build({ entryPoints: [SDK], outfile, bundle: true, format: "esm", platform: "node", logLevel: "error" })
    return outfile
  }
}
