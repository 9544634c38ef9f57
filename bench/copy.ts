/** Prepared data from one machine to another, through this one, against piping it by hand. */
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { tarGzArchive } from "../test/fixtures/tar-archive.ts"
import { measure, printRatios } from "./measure.ts"
import { retire } from "./pipeline-retire.ts"
import { startRemoteLab } from "./remote-lab.ts"

const MIB = 1024 * 1024
const FILE_BYTES = 20_000

/** @param scale sizes are divided by it */
export async function benchCopy(rounds: number, scale: number): Promise<void> {
  const lab = await startRemoteLab()
  try {
    const [blob, images] = [join(lab.laptop, "blob"), join(lab.laptop, "images.tar.gz")]
    await writeFile(blob, randomBytes((256 / scale) * MIB))
    const count = Math.ceil(5000 / scale)
    const content = randomBytes(FILE_BYTES)
    await writeFile(
      images,
      tarGzArchive(Array.from({ length: count }, (_, index) => ({ name: `top/${index}`, content }))),
    )
    const { command, environment } = await lab.ours(`
      import { Repository, defineDataset, file, folder, tar } from "@datamaestro/dataset"
      const make = (id, content) => [id, () => defineDataset({ id, resources: { content }, describe: (made) => folder(made.content) })]
      export class MyRepository extends Repository {
        static NAMESPACE = "measured"
        static DESCRIPTION = "One file, many files"
        static datasets = Object.fromEntries([
          make("org.blob", file("${pathToFileURL(blob).href}")),
          make("org.images", tar("${pathToFileURL(images).href}")),
        ])
      }`)
    const [from, to, target] = ["from", "to", "target"].map((name) => join(lab.cluster, name)) as [
      string,
      string,
      string,
    ]
    const [node, ...options] = command
    const prepare = (): void => {
      for (const folder of [to, target]) retire(folder)
      mkdirSync(target)
    }
    for (const [id, what] of [
      ["org.blob", `one file of ${256 / scale} MiB`],
      ["org.images", `${count} files of 20 kB`],
    ] as const) {
      execFileSync(node, [...options, "--host", "h", "--data", from, "prepare", id], { env: environment })
      const place = join(from, "data/measured", ...id.split("."))
      const results = await measure(
        [
          {
            name: "datamaestro copy, SHA-256 of each file verified",
            command: [...command, "--data", to, "copy", id, "--from", "h", "--to", "h", "--from-data", from],
            environment,
            prepare,
          },
          {
            name: "ssh one tar c | ssh other tar x",
            command: [
              "bash",
              "-o",
              "pipefail",
              "-c",
              `${lab.ssh} 'tar cf - -C ${place} .' | ${lab.ssh} 'tar xf - -C ${target}'`,
            ],
            environment,
            prepare,
          },
        ],
        rounds,
      )
      printRatios(`${what} from one machine to another`, results)
    }
  } finally {
    await lab.close()
  }
}
