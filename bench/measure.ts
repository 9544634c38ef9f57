import { spawn } from "node:child_process"
import { watchPeakMemory } from "./memory.ts"

export interface Contender {
  name: string
  command: readonly [string, ...string[]]
  environment?: NodeJS.ProcessEnv
  /** The working folder, if another than this process's. */
  folder?: string
  /** Brings back the state that a run needs; not timed. */
  prepare?: () => void
  /** Throws unless the last run did its whole work; not timed. */
  check?: () => void
  /** The highest allowed ratio of the first contender's time to this one's. */
  atMost?: number
  /** Whether the peak memory of its largest child process is wanted. */
  watchMemory?: boolean
}

export interface Measured {
  name: string
  /** Milliseconds of each run, sorted. */
  times: number[]
  median: number
  atMost?: number
  /** Bytes, the highest of all runs. */
  peakMemory?: number
}

/**
 * Runs the contenders in turn, round after round, so that what the machine does besides falls on all of them alike.
 * One round before the first is not counted.
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Measured[]> {
  const runs = contenders.map((): Run[] => [])
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      contender.prepare?.()
      const run = await runOnce(contender)
      contender.check?.()
      if (round >= 0) runs[index]?.push(run)
    }
  }
  return contenders.map(({ name, atMost }, index) => {
    const times = (runs[index] ?? []).map((run) => run.time).sort((a, b) => a - b)
    const peaks = (runs[index] ?? []).flatMap(({ peakMemory }) => (peakMemory === undefined ? [] : [peakMemory]))
    return {
      name,
      times,
      median: times[Math.floor(times.length / 2)] ?? Number.NaN,
      ...(atMost === undefined ? {} : { atMost }),
      ...(peaks.length === 0 ? {} : { peakMemory: Math.max(...peaks) }),
    }
  })
}

interface Run {
  time: number
  peakMemory: number | undefined
}

async function runOnce({
  name,
  command: [program, ...args],
  environment,
  folder,
  watchMemory,
}: Contender): Promise<Run> {
  const start = performance.now()
  const child = spawn(program, args, {
    env: environment ?? process.env,
    stdio: ["ignore", "ignore", "pipe"],
    ...(folder === undefined ? {} : { cwd: folder }),
  })
  const stopWatching = watchMemory === true && child.pid !== undefined ? watchPeakMemory(child.pid) : undefined
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
  try {
    const status = await new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject))
    const time = performance.now() - start
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${errors}`)
    return { time, peakMemory: stopWatching?.() }
  } finally {
    stopWatching?.()
  }
}

/** Prints each median, its ratio to the first contender's, and what that may be at most. */
export function printRatios(title: string, [ours, ...others]: readonly Measured[]): void {
  if (ours === undefined) return
  console.log(`\n${title} (median of ${ours.times.length})`)
  const memory = ours.peakMemory === undefined ? "" : `, at most ${(ours.peakMemory / 2 ** 20).toFixed(0)} MiB`
  console.log(`  ${ours.median.toFixed(0).padStart(6)} ms        ${ours.name}${memory}`)
  for (const other of others) {
    const ratio = ours.median / other.median
    const verdict =
      other.atMost === undefined ? "" : `  (${ratio <= other.atMost ? "" : "not "}at most ${other.atMost})`
    console.log(`  ${other.median.toFixed(0).padStart(6)} ms  ${ratio.toFixed(2).padStart(5)}  ${other.name}${verdict}`)
  }
}
