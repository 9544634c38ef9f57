import { rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { writeRepositoryPackage } from "../test/helpers/repository-package.ts"
import { temporaryFolder } from "../test/helpers/ssh-client-files.ts"
import { startSshd } from "../test/helpers/sshd.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))

/** A laptop and a data machine, `h`, each a folder of its own, with sshd between them. */
export interface RemoteLab {
  laptop: string
  cluster: string
  /** `ssh h`, as a shell takes it. */
  ssh: string
  /** The command with a repository, whose `lib/index.js` is given, and nothing of the person's own. */
  ours(code: string): Promise<{ command: [string, ...string[]]; environment: NodeJS.ProcessEnv }>
  close(): Promise<void>
}

export async function startRemoteLab(): Promise<RemoteLab> {
  const laptop = await temporaryFolder("datamaestro-bench-")
  const cluster = await temporaryFolder("datamaestro-bench-")
  const server = await startSshd({ environment: { HOME: cluster.path, PATH: process.env["PATH"] ?? "" } })
  return {
    laptop: laptop.path,
    cluster: cluster.path,
    ssh: `ssh -F ${server.configFile} -o StrictHostKeyChecking=no -o LogLevel=ERROR h`,
    async ours(code) {
      const plugin = await writeRepositoryPackage(laptop.path, { id: "measured", files: { "lib/index.js": code } })
      const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
      return {
        command: [process.execPath, launcher, "-F", server.configFile, "-o", "StrictHostKeyChecking=no", "--quiet"],
        environment: {
          ...rest,
          HOME: laptop.path,
          XDG_CACHE_HOME: join(laptop.path, ".cache"),
          XDG_CONFIG_HOME: join(laptop.path, ".config"),
          DATAMAESTRO_REPOSITORY_PATH: plugin,
        },
      }
    },
    async close() {
      await server.stop()
      for (const { path } of [laptop, cluster]) await rm(path, { recursive: true, force: true, maxRetries: 9 })
    },
  }
}
