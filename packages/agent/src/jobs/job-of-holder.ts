import { join } from "node:path"
import { hasEnded, jobFiles, jobIds } from "./job-folder.ts"
import { JournalReader } from "./journal.ts"
import { readLease } from "../store/lease.ts"

/**
 * The job that prepares a dataset, by who holds the dataset's lock.
 *
 * @param holder as messages call it
 * @param except the jobs of this process
 */
export async function jobOfHolder(
  jobs: string,
  dataset: string,
  holder: string,
  except: (id: string) => boolean = () => false,
): Promise<string | undefined> {
  for (const id of await jobIds(jobs)) {
    const folder = join(jobs, id)
    if (except(id) || (await hasEnded(folder))) continue
    const lease = await readLease(jobFiles(folder).lease)
    if (!lease.live || lease.description !== holder) continue
    const entries = await new JournalReader(jobFiles(folder).journal).read()
    if (entries.some(({ event }) => event?.phase === "dataset" && event.dataset === dataset)) return id
  }
  return undefined
}
