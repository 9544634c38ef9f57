import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface SampleRepository {
  /** The home, configuration, cache, data directory and repository path of a user of its own. */
  env: NodeJS.ProcessEnv
  folder: string
  /** Where the files come from; ends in a slash. */
  url: string
  /** Resolves when somebody has begun to download the endless file. */
  endlessBegun: Promise<void>
  close(): Promise<void>
}

/** A plug-in package, `sample`, and the origin of its files: `org.one`, `org.two`, `org.agreed`, `org.gone`, `org.endless`. */
export async function sampleRepository(): Promise<SampleRepository> {
  const folder = await mkdtemp(join(tmpdir(), "datamaestro-sample-"))
  let begun = (): void => {}
  const endlessBegun = new Promise<void>((resolve) => (begun = resolve))
  const origin = createServer((request, response) => {
    if (request.url === "/gone.txt") return void response.writeHead(404).end()
    if (request.method === "HEAD") return void response.end()
    if (request.url !== "/endless.bin") return void response.end(`content of ${request.url}`)
    response.writeHead(200, { "content-length": 1e8 }).write(Buffer.alloc(100_000))
    begun()
  })
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve))
  const base = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const plugin = join(folder, "plugin")
  await mkdir(join(plugin, "node_modules", "@datamaestro"), { recursive: true })
  await symlink(
    fileURLToPath(new URL("../../packages/dataset", import.meta.url)),
    join(plugin, "node_modules", "@datamaestro", "dataset"),
  )
  await writeFile(
    join(plugin, "package.json"),
    JSON.stringify({
      name: "datamaestro-sample",
      version: "1.0.0",
      type: "module",
      datamaestro: { repositories: { sample: "./index.js#SampleRepository" } },
    }),
  )
  await writeFile(join(plugin, "index.js"), moduleText(base))
  return {
    env: {
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_CACHE_HOME: join(folder, "cache"),
      DATAMAESTRO_DIR: join(folder, "data"),
      DATAMAESTRO_REPOSITORY_PATH: plugin,
    },
    folder,
    url: `${base}/`,
    endlessBegun,
    async close() {
      origin.closeAllConnections()
      await new Promise((resolve) => origin.close(resolve))
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function moduleText(base: string): string {
  return `
import { defineDataset, file, Repository, textFile } from "@datamaestro/dataset"
const one = (id, name, facts = {}) => defineDataset({
  id, description: id, ...facts,
  resources: { text: file("${base}/" + name, { name }) },
  describe: ({ text }) => ({ train: textFile(text) }),
})
export class SampleRepository extends Repository {
  static NAMESPACE = "sample"
  static NAME = "Sample datasets"
  static DESCRIPTION = "For tests"
  static datasets = {
    "org.one": () => one("org.one", "one.txt"),
    "org.two": () => one("org.two", "two.txt"),
    "org.gone": () => one("org.gone", "gone.txt"),
    "org.endless": () => one("org.endless", "endless.bin"),
    "org.agreed": () => one("org.agreed", "agreed.txt", {
      agreement: { id: "org.licence", url: "https://licence.example", text: "Be kind" },
    }),
  }
}
`
}
