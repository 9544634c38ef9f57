import { execFileSync, spawnSync } from "node:child_process"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** Skips the test where such a Node can't be made; never under CI. */
export function skipWithoutModuleTools(context: Mocha.Context): void {
  const tools = ["cc", "patchelf"].every((tool) => spawnSync(tool, ["--version"]).status === 0)
  if (!tools && process.env["CI"] === undefined) context.skip()
}

/** Makes `bin/node` in a folder, as those of environment modules are: it needs a library of the folder's `lib`. */
export async function makeModuleNode(folder: string): Promise<void> {
  await mkdir(join(folder, "bin"), { recursive: true })
  await mkdir(join(folder, "lib"))
  const source = join(folder, "needed.c")
  await writeFile(source, "int needed(void) { return 1; }\n")
  execFileSync("cc", ["-shared", "-fPIC", "-o", join(folder, "lib/libneeded.so"), source])
  const node = join(folder, "bin/node")
  await copyFile(process.execPath, node)
  execFileSync("patchelf", ["--add-needed", "libneeded.so", node])
}
