import { spawn } from "node:child_process"

export interface Contender {
  name: string
  command: readonly [string, ...string[]]
  environment?: NodeJS.ProcessEnv
  /** Brings back the state that a run needs; not timed. */
  prepare?: () => void
}

export interface Measured {
  name: string
  /** Milliseconds of each run, sorted. */
  times: number[]
  median: number
}

/**
 * Runs the contenders in turn, round after round, so that what the machine does besides falls on all of them alike.
 * One round before the first is not counted.
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Measured[]> {
  const times = contenders.map((): number[] => [])
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      contender.prepare?.()
      const time = await runOnce(contender)
      if (round >= 0) times[index]?.push(time)
    }
  }
  return contenders.map(({ name }, index) => {
    const sorted = (times[index] ?? []).sort((a, b) => a - b)
    return { name, times: sorted, median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN }
  })
}

async function runOnce({ name, command: [program, ...args], environment }: Contender): Promise<number> {
  const start = performance.now()
  const child = spawn(program, args, { env: environment ?? process.env, stdio: ["ignore", "ignore", "pipe"] })
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
  const status = await new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject))
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${errors}`)
  return performance.now() - start
}

/** Prints each median, and its ratio to the first contender's. */
export function printRatios(title: string, [ours, ...others]: readonly Measured[]): void {
  if (ours === undefined) return
  console.log(`\n${title} (median of ${ours.times.length})`)
  console.log(`  ${ours.median.toFixed(0).padStart(6)} ms        ${ours.name}`)
  for (const other of others) {
    const ratio = (ours.median / other.median).toFixed(2)
    console.log(`  ${other.median.toFixed(0).padStart(6)} ms  ${ratio.padStart(5)}  ${other.name}`)
  }
}
