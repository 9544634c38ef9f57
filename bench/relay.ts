/** A file that goes out through this machine, against piping it by hand. */
import { createHash, randomBytes } from "node:crypto"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { writeRepositoryPackage } from "../test/helpers/repository-package.ts"
import { temporaryFolder } from "../test/helpers/ssh-client-files.ts"
import { startSshd } from "../test/helpers/sshd.ts"
import { measure, printRatios } from "./measure.ts"
import { findNginx, startOrigin } from "./origin.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))
const MIB = 1024 * 1024

/** @param scale sizes are divided by it */
export async function benchRelay(rounds: number, scale: number): Promise<void> {
  const nginx = findNginx()
  if (nginx === undefined) return console.log("\nrelay: skipped, nginx is not installed")
  const laptop = await temporaryFolder("datamaestro-bench-")
  const cluster = await temporaryFolder("datamaestro-bench-")
  const root = join(laptop.path, "root")
  await mkdir(root)
  const bytes = randomBytes((512 / scale) * MIB)
  await writeFile(join(root, "blob"), bytes)
  const origin = await startOrigin(nginx, root, join(laptop.path, "nginx"))
  const server = await startSshd({ environment: { HOME: cluster.path, PATH: process.env["PATH"] ?? "" } })
  try {
    const plugin = await writeRepositoryPackage(laptop.path, {
      id: "relayed",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, file, sha256, textFile } from "@datamaestro/dataset"
          const sum = "${createHash("sha256").update(bytes).digest("hex")}"
          const blob = defineDataset({ id: "org.blob", describe: ({ blob }) => ({ blob: textFile(blob) }),
            resources: { blob: file("${origin.url}blob", { integrity: sha256(sum) }) } })
          export class MyRepository extends Repository {
            static NAMESPACE = "relayed"
            static DESCRIPTION = "One file"
            static datasets = { "org.blob": () => blob }
          }`,
      },
    })
    const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
    const environment = {
      ...rest,
      HOME: laptop.path,
      XDG_CACHE_HOME: join(laptop.path, ".cache"),
      XDG_CONFIG_HOME: join(laptop.path, ".config"),
      DATAMAESTRO_REPOSITORY_PATH: plugin,
    }
    const data = join(cluster.path, "data")
    const target = join(cluster.path, "blob")
    const prepare = (): void => {
      rmSync(data, { recursive: true, force: true })
      rmSync(target, { force: true })
    }
    const ssh = `ssh -F ${server.configFile} -o StrictHostKeyChecking=no -o LogLevel=ERROR h`
    const ours = [launcher, "-F", server.configFile, "-o", "StrictHostKeyChecking=no", "--quiet", "--host", "h"]
    const pipe = (name: string, command: string) =>
      ({ name, command: ["bash", "-o", "pipefail", "-c", command], environment, prepare }) as const
    const results = await measure(
      [
        {
          name: "datamaestro --relay prepare, SHA-256 verified",
          command: [process.execPath, ...ours, "--data", data, "--relay", "prepare", "org.blob"],
          environment,
          prepare,
        },
        pipe("curl URL | ssh h 'cat > file'", `curl -fsS ${origin.url}blob | ${ssh} 'cat > ${target}'`),
        pipe(
          "the same, then sync and sha256sum there",
          `curl -fsS ${origin.url}blob | ${ssh} 'cat > ${target} && sync ${target} && sha256sum ${target}'`,
        ),
      ],
      rounds,
    )
    printRatios(`${bytes.length / MIB} MiB through the controller`, results)
    for (const { name, median } of results)
      console.log(`  ${(bytes.length / MIB / (median / 1000)).toFixed(0)} MiB/s  ${name}`)
  } finally {
    await server.stop()
    await origin.stop()
    await rm(laptop.path, { recursive: true, force: true, maxRetries: 9 })
    await rm(cluster.path, { recursive: true, force: true, maxRetries: 9 })
  }
}
