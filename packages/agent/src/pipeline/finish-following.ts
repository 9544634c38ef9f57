import type { Following } from "../follow/follow-in-thread.ts"
import type { CachedDownload } from "../pipeline-types.ts"
import type { Consumption } from "./with-download.ts"
import { keepReady, removeWorkFolder } from "./work-folder.ts"

/** What follows a download into a work folder, as something that is made of the download. */
export function consumption<T>(
  work: string,
  following: Following<T>,
  place: (made: T, download: CachedDownload, moved: () => void) => Promise<void>,
): Consumption {
  return {
    available: (part) => following.available(part),
    hopeless: following.result,
    finish: (download, moved) => finishFollowing(work, following, [download], (made) => place(made, download, moved)),
    discard: async () => {
      following.stop()
      await following.result.catch(() => {})
      await removeWorkFolder(work)
    },
  }
}

/** The downloads are whole and verified: waits for what is made of them, and places it. */
export async function finishFollowing<T>(
  work: string,
  following: Following<T>,
  downloads: readonly CachedDownload[],
  place: (made: T) => Promise<void>,
): Promise<void> {
  await keepReady(work, async () => {
    following.whole(downloads.map(({ path, bytes }) => ({ path, bytes })))
    await place(await following.result)
  })
}
