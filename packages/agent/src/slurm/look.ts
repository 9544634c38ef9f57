import { runSlurm, type SlurmAnswer } from "./run-slurm.ts"

/** What Slurm says of a job of its own. */
export type SlurmLook =
  /** It waits, runs, or is about to: `reason` says why it waits. */
  | { kind: "alive"; state: string; reason: string | undefined; node: string | undefined; left: number | undefined }
  | { kind: "ended"; state: string; why: string; node: string | undefined }
  /** Nobody there knows it any more. */
  | { kind: "forgotten" }
  /** Slurm can't be asked now. */
  | { kind: "unknown"; why: string }

/** Runs a program of Slurm's; for tests, by its recorded answers. */
export type Ask = (program: string, args: readonly string[]) => Promise<SlurmAnswer>

/** As sacct(1) and squeue(1) list them, those after which nothing more comes. */
const ENDED = new Set([
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
])

const ask10: Ask = (program, args) => runSlurm(program, args, { timeout: 10_000 })

/**
 * Asks for jobs by Slurm's numbers: `squeue`, which soon forgets what has ended, then `sacct`, which the machine may not
 * keep, then `scontrol`.
 */
export async function lookAt(ids: readonly string[], ask: Ask = ask10): Promise<Map<string, SlurmLook>> {
  const looks = new Map<string, SlurmLook>()
  if (ids.length === 0) return looks
  let answer: SlurmAnswer
  try {
    answer = await ask("squeue", [
      "--noheader",
      "--array",
      "--states=all",
      `--jobs=${ids.join(",")}`,
      "--format=%i|%T|%N|%l|%L|%r",
    ])
  } catch (error) {
    return everyOne(ids, { kind: "unknown", why: (error as Error).message })
  }
  // One id that is not known is an error, several are not.
  if (answer.status !== 0 && !/invalid job id/i.test(answer.stderr)) {
    return everyOne(ids, { kind: "unknown", why: answer.stderr })
  }
  for (const line of answer.stdout.split("\n")) {
    const [id = "", state = "", node = "", limit = "", left = "", ...reason] = line.trim().split("|")
    if (ids.includes(id)) looks.set(id, lookOf({ state, node, limit, left, reason: reason.join("|") }))
  }
  for (const id of ids) if (!looks.has(id)) looks.set(id, await lookBack(id, ask))
  return looks
}

/** For what `squeue` has forgotten. */
async function lookBack(id: string, ask: Ask): Promise<SlurmLook> {
  const kept = await ask("sacct", [
    "--noheader",
    "--parsable2",
    "--allocations",
    `--jobs=${id}`,
    "--format=JobID,State,NodeList,Timelimit",
  ]).catch(() => undefined)
  for (const line of kept?.status === 0 ? kept.stdout.split("\n") : []) {
    const [found, state = "", node = "", limit = ""] = line.trim().split("|")
    // `CANCELLED by 1000`.
    if (found === id && state !== "") return lookOf({ state: state.split(" ")[0] ?? "", node, limit })
  }
  const shown = await ask("scontrol", ["--oneliner", "show", "job", id]).catch(() => undefined)
  if (shown?.status !== 0) return { kind: "forgotten" }
  const field = (name: string): string => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(shown.stdout)?.[1] ?? ""
  const state = field("JobState")
  if (state === "") return { kind: "forgotten" }
  return lookOf({ state, node: field("NodeList"), limit: field("TimeLimit"), reason: field("Reason") })
}

interface Told {
  state: string
  node?: string
  limit?: string
  left?: string
  reason?: string
}

function lookOf({ state, node, limit, left, reason }: Told): SlurmLook {
  const known = (text: string | undefined): string | undefined =>
    text === undefined || /^(|\(null\)|none|n\/a|none assigned)$/i.test(text) ? undefined : text
  if (ENDED.has(state))
    return { kind: "ended", state, node: known(node), why: whyEnded(state, known(node), known(limit)) }
  return {
    kind: "alive",
    state,
    node: known(node),
    reason: known(reason),
    left: left === undefined ? undefined : secondsOf(left),
  }
}

function whyEnded(state: string, node: string | undefined, limit: string | undefined): string {
  const where = node === undefined ? "" : ` on ${node}`
  switch (state) {
    case "TIMEOUT":
      return `its time limit${limit === undefined ? "" : ` (${limit})`} was reached${where}`
    case "DEADLINE":
      return "its deadline was reached"
    case "OUT_OF_MEMORY":
      return `it ran out of memory${where}`
    case "NODE_FAIL":
    case "BOOT_FAIL":
      return `its node${node === undefined ? "" : ` ${node}`} failed`
    case "PREEMPTED":
      return `it was preempted${where}`
    case "CANCELLED":
      return "it was cancelled in Slurm"
    default:
      return `its process ended without a result${where} (${state})`
  }
}

/** `[days-][hours:]minutes:seconds`; nothing for `UNLIMITED` and its like. */
function secondsOf(text: string): number | undefined {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text)
  if (match === null) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0))
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
}

function everyOne(ids: readonly string[], look: SlurmLook): Map<string, SlurmLook> {
  return new Map(ids.map((id) => [id, look]))
}
