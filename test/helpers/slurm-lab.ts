import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { startJobLab, type JobLab } from "./job-lab.ts"
import type { Slurm } from "./slurm.ts"

export interface EndedCommand {
  status: number | null
  stdout: string
  stderr: string
}

export interface ListedJob {
  id: string
  state: string
  dataset?: string
  slurm?: string
  detail?: string
  host?: string
}

/** A job lab whose commands find a Slurm. */
export interface SlurmLab extends JobLab {
  /** Writes the person's `user.json`. */
  settings(content: object): Promise<void>
  /** Runs a command to its end. */
  run(...args: string[]): Promise<EndedCommand>
  /** `jobs list`, oldest first. */
  list(): Promise<ListedJob[]>
  /** Whether somebody has the lock of the dataset that takes so long. */
  isLocked(seconds: number): boolean
}

/** `close` ends what is left in Slurm, too. */
export async function startSlurmLab(slurm: Slurm): Promise<SlurmLab> {
  const lab = await startJobLab()
  Object.assign(lab.env, slurm.env)
  const run = async (...args: string[]): Promise<EndedCommand> => {
    const command = lab.start(...args)
    const status = await command.ended
    return { status, stdout: command.stdout, stderr: command.stderr }
  }
  return {
    ...lab,
    run,
    async settings(content) {
      await mkdir(join(lab.home, ".config/datamaestro"), { recursive: true })
      await writeFile(join(lab.home, ".config/datamaestro/user.json"), JSON.stringify(content))
    },
    list: async () => JSON.parse((await run("--json", "jobs", "list")).stdout) as ListedJob[],
    isLocked: (seconds) => existsSync(join(lab.data, "data/lab", ...lab.dataset(seconds).split("."), ".state.lease")),
    async close() {
      await slurm.run("scancel", "--user=root")
      await lab.close()
      await slurm.empty()
    },
  }
}
