import { open, type FileHandle } from "node:fs/promises"

/** What all open files of this process have in common: a call that is replaced there can be made to fail, or be counted. */
export async function fileHandles(): Promise<FileHandle> {
  const any = await open(import.meta.filename, "r")
  await any.close()
  return Object.getPrototypeOf(any) as FileHandle
}
