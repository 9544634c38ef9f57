import { DatamaestroError } from "@datamaestro/protocol"
import type { Transfer } from "./transfer-types.ts"

/** Before bytes are asked for in vain: throws NO_SPACE when the file system can't take the rest, as far as it is known. */
export async function checkSpace({ part, size }: Pick<Transfer, "part" | "size">): Promise<void> {
  const length = part.state.length ?? size
  if (length === undefined) return
  const needed = length - part.written
  const available = await part.space().catch(() => undefined)
  if (available === undefined || needed <= available) return
  throw new DatamaestroError(
    "NO_SPACE",
    `Cannot write "${part.path}": ${formatBytes(needed)} are needed, ${formatBytes(available)} are available`,
    {
      hint: "free some space (`datamaestro cache clear` removes downloads), or choose another place with --data; what was downloaded is kept and will be continued",
      details: { needed, available, path: part.path },
    },
  )
}

function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"]
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
