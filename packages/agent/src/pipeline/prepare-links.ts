import { mkdir, stat, symlink } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import type { PlannedLink, PlannedLinks } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { datasetFolder, folderName } from "../store/layout.ts"
import { storageError } from "../store/storage-error.ts"
import { checkIntegrity } from "../verify/check-integrity.ts"
import { hashFile } from "../verify/hash-file.ts"
import { hashFolder } from "./hash-folder.ts"
import { linkPlace } from "./link-place.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inWorkFolder } from "./work-folder.ts"

const OUTPUT = "output"

/**
 * Makes a folder of links to datasets, or a link to data that is already on this machine, once that is verified.
 *
 * @throws DatamaestroError DATAFOLDER_MISSING naming the places where the data could be; CHECKSUM_MISMATCH
 */
export async function prepareLinks(preparation: Preparation, resource: PlannedLinks | PlannedLink): Promise<void> {
  const source = resource.kind === "links" ? undefined : await findSource(preparation, resource)
  if (source !== undefined && resource.kind !== "links") await verifySource(preparation, resource, source)
  try {
    await inWorkFolder(preparation, resource, async (work) => {
      if (resource.kind === "links") await linkDatasets(preparation, resource, join(work, OUTPUT))
      else if (source !== undefined) await symlink(source, join(work, OUTPUT))
      await placeResource(preparation, resource, work, {
        moves: [{ from: OUTPUT, to: resource.target }],
        record: { files: [], links: linkNames(resource), ...(source === undefined ? {} : { source }) },
      })
    })
  } catch (error) {
    throw storageError(error, `link "${resource.target}"`)
  }
}

/** Below the dataset's folder. */
function linkNames(resource: PlannedLinks | PlannedLink): string[] {
  if (resource.kind !== "links") return [resource.target]
  return Object.keys(resource.links).map((name) => `${resource.target}/${name}`)
}

/** Relative links: they hold when the data directory is moved, or mounted elsewhere. */
async function linkDatasets({ folder, options }: Preparation, resource: PlannedLinks, output: string): Promise<void> {
  await mkdir(output)
  for (const [name, { id, repository }] of Object.entries(resource.links)) {
    const dataset = datasetFolder(options.paths, { folder: folderName(repository, id) })
    await symlink(relative(join(folder, resource.target), dataset), join(output, name))
  }
}

async function findSource({ plan, options }: Preparation, resource: PlannedLink): Promise<string> {
  const wanted = resource.kind === "linkfolder" ? "folder" : "file"
  const looked: string[] = []
  for (const place of resource.places) {
    const path = linkPlace(place, options.paths.data, options.datafolders ?? {})
    if (path === undefined) continue
    looked.push(path)
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined
      throw storageError(error, `read "${path}"`)
    })
    if (wanted === "folder" ? found?.isDirectory() === true : found?.isFile() === true) return path
  }
  const where = looked.map((path) => `"${path}"`).join(", ")
  const reason = where === "" ? `nobody has told where its ${wanted} is` : `there is no ${wanted} at ${where}`
  throw new DatamaestroError("DATAFOLDER_MISSING", `Cannot prepare "${plan.id}": ${reason}`, {
    hint: hintFor(resource),
    details: { dataset: plan.id, resource: resource.name, looked },
  })
}

function hintFor({ places, kind }: PlannedLink): string {
  const folder = places.find((place) => "folder" in place)
  if (folder === undefined || !("folder" in folder)) return "put the data there"
  const below =
    folder.path === "" ? "" : `, where PATH/${folder.path} is the ${kind === "linkfolder" ? "folder" : "file"}`
  return `it can't be downloaded: put it on the data machine, then \`datamaestro datafolders set ${folder.folder} PATH\`${below}`
}

async function verifySource(preparation: Preparation, resource: PlannedLink, path: string): Promise<void> {
  const { signal } = preparation
  const { dataset, resource: name, progress } = stepContext(preparation, resource)
  const onBytes = (bytes: number): void => progress({ phase: "verify", dataset, resource: name, bytes })
  try {
    if (resource.check !== undefined) {
      const { glob, md5 } = resource.check
      const digests = { md5: await hashFolder(path, glob, { signal, onBytes }) }
      checkIntegrity([{ algorithm: "md5", hex: md5, of: "output" }], digests, { name: `${path}/${glob}`, path })
    }
    if (resource.integrity.length > 0) {
      const algorithms = resource.integrity.map(({ algorithm }) => algorithm)
      const { digests } = await hashFile(path, algorithms, { signal, onBytes })
      checkIntegrity(resource.integrity, digests, { name: path, path })
    }
  } catch (error) {
    if (error instanceof DatamaestroError && error.code === "CHECKSUM_MISMATCH") throw otherContent(error, path)
    throw storageError(error, `read "${dirname(path)}"`)
  }
}

/** What is at hand is the person's own: trying again would not change it. */
function otherContent({ code, message, details, cause }: DatamaestroError, path: string): DatamaestroError {
  return new DatamaestroError(code, message, {
    hint: `what is at "${path}" is not what was published: compare it with the original for files that are missing, were changed, or were added`,
    details,
    cause,
  })
}
