import { dirname } from "node:path"

/** The folder and all above it, the nearest first. */
export function upwards(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...upwards(parent)]
}
