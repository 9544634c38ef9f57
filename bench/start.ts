/** Commands on this machine that do next to nothing: what is left is their start. Each against `node -e 0`. */
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { temporaryFolder } from "../test/helpers/ssh-client-files.ts"
import { measure, printRatios, type Contender } from "./measure.ts"
import { idOf, Ours } from "./pipeline-ours.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))

export async function benchStart(rounds: number): Promise<void> {
  const place = await temporaryFolder("datamaestro-bench-")
  try {
    const content = "a small file\n"
    await writeFile(join(place.path, "small"), content)
    const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env
    const sha256 = createHash("sha256").update(content).digest("hex")
    const url = pathToFileURL(join(place.path, "small")).href
    const ours = new Ours(place.path, [{ name: "small", kind: "file", url, sha256 }], inherited)
    const preparing = ours.prepares({ id: idOf("small"), data: join(place.path, "data") })
    const { environment = inherited } = preparing
    const command = (name: string, ...args: string[]): Contender => ({
      name: `datamaestro ${name}`,
      command: [process.execPath, launcher, "--quiet", "--data", join(place.path, "data"), ...args],
      environment,
    })
    await measure([preparing], 0)
    const results = await measure(
      [
        command("--help", "--help"),
        command("datafolders list", "datafolders", "list"),
        command("search tag:image, in all repositories", "search", "tag:image"),
        command("prepare, of a prepared dataset", "prepare", idOf("small")),
        { name: "node -e 0", command: [process.execPath, "-e", "0"], environment },
      ],
      rounds,
    )
    const node = results.slice(-1)
    for (const each of results.slice(0, -1)) printRatios("start", [each, ...node])
  } finally {
    await place.remove()
  }
}
