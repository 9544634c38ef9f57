import { extractArchive } from "../extract/extract-archive.ts"

/**
 * Extracts a verified pack into a folder that does not exist yet, with the same safety as any archive.
 *
 * @throws DatamaestroError UNSAFE_ARCHIVE, CORRUPT, NO_SPACE, INTERRUPTED
 */
export async function unpack(path: string, output: string, signal: AbortSignal): Promise<void> {
  await extractArchive(
    { kind: "tar", source: path, archive: "an uploaded repository", output, selection: { strip: 0 }, verified: true },
    { dataset: "", resource: "", signal, progress: () => {} },
  )
}
