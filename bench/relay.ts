/** A file that goes out through this machine, against piping it by hand. */
import { createHash, randomBytes } from "node:crypto"
import { rmSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { measure, printRatios } from "./measure.ts"
import { findNginx, startOrigin } from "./origin.ts"
import { startRemoteLab } from "./remote-lab.ts"

const MIB = 1024 * 1024

/** @param scale sizes are divided by it */
export async function benchRelay(rounds: number, scale: number): Promise<void> {
  const nginx = findNginx()
  if (nginx === undefined) return console.log("\nrelay: skipped, nginx is not installed")
  const lab = await startRemoteLab()
  const root = join(lab.laptop, "root")
  await mkdir(root)
  const bytes = randomBytes((512 / scale) * MIB)
  await writeFile(join(root, "blob"), bytes)
  const origin = await startOrigin(nginx, root, join(lab.laptop, "nginx"))
  try {
    const { command, environment } = await lab.ours(`
      import { Repository, defineDataset, file, sha256, textFile } from "@datamaestro/dataset"
      const sum = "${createHash("sha256").update(bytes).digest("hex")}"
      const blob = defineDataset({ id: "org.blob", describe: ({ blob }) => ({ blob: textFile(blob) }),
        resources: { blob: file("${origin.url}blob", { integrity: sha256(sum) }) } })
      export class MyRepository extends Repository {
        static NAMESPACE = "measured"
        static DESCRIPTION = "One file"
        static datasets = { "org.blob": () => blob }
      }`)
    const data = join(lab.cluster, "data")
    const target = join(lab.cluster, "blob")
    const prepare = (): void => {
      rmSync(data, { recursive: true, force: true })
      rmSync(target, { force: true })
    }
    const pipe = (name: string, line: string) =>
      ({ name, command: ["bash", "-o", "pipefail", "-c", line], environment, prepare }) as const
    const results = await measure(
      [
        {
          name: "datamaestro --relay prepare, SHA-256 verified",
          command: [...command, "--host", "h", "--data", data, "--relay", "prepare", "org.blob"],
          environment,
          prepare,
        },
        pipe("curl URL | ssh h 'cat > file'", `curl -fsS ${origin.url}blob | ${lab.ssh} 'cat > ${target}'`),
        pipe(
          "the same, then sync and sha256sum there",
          `curl -fsS ${origin.url}blob | ${lab.ssh} 'cat > ${target} && sync ${target} && sha256sum ${target}'`,
        ),
      ],
      rounds,
    )
    printRatios(`${bytes.length / MIB} MiB through the controller`, results)
    for (const { name, median } of results)
      console.log(`  ${(bytes.length / MIB / (median / 1000)).toFixed(0)} MiB/s  ${name}`)
  } finally {
    await origin.stop()
    await lab.close()
  }
}
