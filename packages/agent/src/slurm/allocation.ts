import { hostname } from "node:os"
import { prepareRequest } from "../prepare-request.ts"
import { announceArchives, followHelpers, inOrder } from "./job-sharing.ts"
import { lookAt } from "./look.ts"
import { readSubmission, writeSubmission } from "./submission.ts"

/** Slurm says so about a minute before the end; its clock ticks in half minutes. */
const CLOSE_SECONDS = 150
/** How long Slurm is asked why it wants the job to end, in milliseconds. */
const ASK = 1500

/** The allocation that this process runs in. */
export class Allocation {
  readonly #folder: string
  readonly #id: string
  readonly #restarts: number

  constructor(folder: string, environment: NodeJS.ProcessEnv) {
    const { SLURM_JOB_ID = "", SLURM_ARRAY_JOB_ID, SLURM_ARRAY_TASK_ID, SLURM_RESTART_COUNT = "0" } = environment
    this.#folder = folder
    const inArray = SLURM_ARRAY_JOB_ID !== undefined && SLURM_ARRAY_TASK_ID !== undefined
    this.#id = inArray ? `${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}` : SLURM_JOB_ID
    this.#restarts = Number(SLURM_RESTART_COUNT) || 0
  }

  /** For the journal. */
  get description(): string {
    const again = this.#restarts === 0 ? "" : `, requeued by Slurm: start ${this.#restarts + 1}`
    return `running on ${hostname()} in Slurm job ${this.#id}${again}`
  }

  /** It runs (again): what was told of an end before is void. */
  async begin(): Promise<void> {
    const submission = await readSubmission(this.#folder)
    if (submission?.ended === undefined) return
    const { ended: _ended, ...rest } = submission
    await writeSubmission(this.#folder, rest).catch(() => {})
  }

  /** Prepares the job's dataset, with the help of other allocations where it was submitted so. */
  async prepare(...[session, request, given]: Parameters<typeof prepareRequest>): ReturnType<typeof prepareRequest> {
    const { awaitedByOthers } = await import("./awaited-by-others.ts")
    const isAwaited = request.slurm?.fetch === "login" ? awaitedByOthers(session, this.#folder) : undefined
    const context = { ...given, isAwaited }
    const { helpers = [] } = (await readSubmission(this.#folder)) ?? {}
    if (helpers.length === 0) return await prepareRequest(session, request, context)
    const done = new AbortController()
    const { own, theirs } = inOrder(context.progress)
    void followHelpers(this.#folder, theirs, done.signal)
    try {
      const sharing = { announce: (names: readonly string[]) => announceArchives(this.#folder, names) }
      return await prepareRequest(session, request, { ...context, progress: own, sharing })
    } finally {
      done.abort()
    }
  }

  /** Why Slurm asks it to end; also written down, since Slurm itself won't know. */
  async whyEnding(): Promise<string> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ASK)
    })
    const looks = await Promise.race([lookAt([this.#id]), late])
    const look = looks?.get(this.#id)
    clearTimeout(timer)
    if (look?.kind === "ended") return look.why
    if (look?.kind !== "alive" || look.left === undefined || look.left > CLOSE_SECONDS) {
      return "Slurm asked it to end (SIGTERM)"
    }
    const why = `its time limit was ${look.left} s away`
    const submission = await readSubmission(this.#folder)
    if (submission !== undefined) {
      await writeSubmission(this.#folder, { ...submission, ended: { state: "TIMEOUT", why } }).catch(() => {})
    }
    return why
  }
}
