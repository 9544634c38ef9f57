import { DatamaestroError, type ProgressListener } from "@datamaestro/protocol"
import { basename } from "node:path"
import type { SlurmLook } from "./look.ts"
import { asRecorded, recordEnd } from "./record-end.ts"
import { runSlurm, SILENT } from "./run-slurm.ts"
import { sharedLooks } from "./shared-looks.ts"
import { readSubmission, type Submission } from "./submission.ts"

/** How often Slurm is asked about a job at first and later, in milliseconds: its controller serves many. */
const FIRST_INTERVAL = 1000
const LONGEST_INTERVAL = 15_000
/** How old an answer may be where it matters now. */
const FRESH = 100
/** A result may be seen later than the end of the process that wrote it, on another machine. */
const RESULT_LATE = 5000

/** Whether a job without a living process is one that Slurm still has. */
export type Standing =
  { kind: "none" } | { kind: "waiting"; state: string; detail: string } | { kind: "ended"; why: string }

/** Follows one job's submission, and tells what changes. */
export class SlurmWatch {
  readonly #folder: string
  readonly #progress: ProgressListener
  #asked = { at: Number.NEGATIVE_INFINITY, interval: FIRST_INTERVAL, slurm: "" }
  #standing: Standing = { kind: "none" }
  #told = ""
  #endSeen: number | undefined

  constructor(folder: string, progress: ProgressListener = () => {}) {
    this.#folder = folder
    this.#progress = progress
  }

  /** How it stands; asks Slurm seldom, unless it matters now. */
  async look(now = false): Promise<Standing> {
    const submission = await readSubmission(this.#folder)
    if (submission === undefined) return { kind: "none" }
    const { at, interval, slurm } = this.#asked
    const again = slurm === submission.slurm
    if (again && !now && performance.now() - at < interval && this.#endSeen === undefined) return this.#standing
    const look = await sharedLooks.look(submission.slurm, now || !again ? FRESH : interval / 2)
    this.#asked = {
      at: performance.now(),
      interval: again ? Math.min(1.5 * interval, LONGEST_INTERVAL) : FIRST_INTERVAL,
      slurm: submission.slurm,
    }
    this.#standing = await this.#judge(submission, asRecorded(look, submission))
    if (this.#standing.kind === "waiting") this.#tell(this.#standing.detail)
    return this.#standing
  }

  /** A process works on it. */
  async running(host: string | undefined): Promise<void> {
    this.#endSeen = undefined
    const submission = await readSubmission(this.#folder)
    // Before it is submitted, and while, the one that does so has it.
    if (submission === undefined || host === undefined || submission.ended !== undefined) return
    this.#tell(`running on ${host} (Slurm job ${submission.slurm})`)
  }

  /**
   * Ends it in Slurm, whether it waits or runs.
   *
   * @throws DatamaestroError LAUNCHER_FAILED
   */
  async cancel(): Promise<void> {
    const submission = await readSubmission(this.#folder)
    if (submission === undefined) return
    const { status, stderr } = await runSlurm("scancel", [submission.slurm, ...(submission.helpers ?? [])], {
      timeout: 20_000,
    })
    if (status === 0 || /invalid job id/i.test(stderr)) return
    throw new DatamaestroError("LAUNCHER_FAILED", `Cannot cancel Slurm job ${submission.slurm}: ${stderr}`, {
      hint: SILENT.test(stderr)
        ? "Slurm's controller does not answer: try again later; the job ends as soon as it begins"
        : `only who submitted it, or an administrator, may: \`scancel ${submission.slurm}\``,
      details: { status, printed: stderr },
    })
  }

  async #judge(submission: Submission, look: SlurmLook): Promise<Standing> {
    if (look.kind === "alive" || look.kind === "unknown") {
      this.#endSeen = undefined
      return waiting(submission, look)
    }
    this.#endSeen ??= performance.now()
    const late = look.kind === "ended" && look.state === "COMPLETED" && performance.now() - this.#endSeen < RESULT_LATE
    if (late) return { kind: "waiting", state: look.state, detail: `Slurm job ${submission.slurm} is completing` }
    return { kind: "ended", why: await recordEnd(this.#folder, submission, look) }
  }

  #tell(message: string): void {
    if (message === this.#told) return
    this.#told = message
    this.#progress({ phase: "notice", level: "info", message: `job ${basename(this.#folder)}: ${message}` })
  }
}

/** What is told of a job that Slurm has. */
export function waiting(
  { slurm }: Submission,
  look: Extract<SlurmLook, { kind: "alive" | "unknown" }>,
): Extract<Standing, { kind: "waiting" }> {
  if (look.kind === "unknown") {
    return { kind: "waiting", state: "UNKNOWN", detail: `submitted as Slurm job ${slurm}; now ${look.why}` }
  }
  const { state, node, reason } = look
  const why = reason === undefined ? "" : ` (${reason})`
  const where = node === undefined ? "" : ` on ${node}`
  const detail =
    state === "PENDING" || state === "REQUEUED"
      ? `queued as Slurm job ${slurm}${why}`
      : state === "RUNNING" || state === "CONFIGURING"
        ? `starting${where} as Slurm job ${slurm}`
        : `${state.toLowerCase()}${where} as Slurm job ${slurm}${why}`
  return { kind: "waiting", state, detail }
}
