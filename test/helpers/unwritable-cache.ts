import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { privateEnvironment } from "./private-environment.ts"

/** As `privateEnvironment`, with a file in the place of the folder of caches, so that none can be written. */
export async function unwritableCache(): Promise<Awaited<ReturnType<typeof privateEnvironment>> & { file: string }> {
  const environment = await privateEnvironment()
  const file = join(environment.path, "file")
  await writeFile(file, "")
  process.env["XDG_CACHE_HOME"] = file
  return { ...environment, file }
}
