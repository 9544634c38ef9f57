import { readdirSync } from "node:fs"
import { constants, setPriority } from "node:os"
import { Worker } from "node:worker_threads"
import { lastingWork } from "../jobs/lasting-work.ts"

/** How long this thread may be at one thing once nobody is there who waits for it, in seconds. */
const PATIENCE = 20
/** The same, of code of others, while there is no work that goes on without anybody: counted also from before. */
const SHORT_PATIENCE = 2
/** In seconds. */
const TICK = 0.25

/** What the watch looks at: this thread's heartbeat, and how much of others' code it runs. */
const state = new Int32Array(new SharedArrayBuffer(8))

/**
 * What the thread runs; as text, since the agent may have no file. The controller is gone when its end of stdout is closed, which writing
 * nothing tells of a socket, as sshd and Node make them, or when this process has been given another parent.
 */
const SOURCE = `"use strict"
const { writeSync } = require("node:fs")
const { workerData } = require("node:worker_threads")
const { state, work, patience, short } = workerData
const parent = process.ppid
function alone() {
  if (process.ppid !== parent) return true
  try {
    writeSync(1, "")
    return false
  } catch (error) {
    return error.code === "EPIPE"
  }
}
let last = -1
let held = 0
let since = 0
setInterval(() => {
  const now = Atomics.load(state, 0)
  held = now === last ? held + 1 : 0
  last = now
  since = held > 0 && alone() ? since + 1 : 0
  const foreign = Atomics.load(state, 1) > 0 && Atomics.load(work, 0) === 0
  if (since >= patience || (foreign && since > 1 && held >= short)) process.kill(process.pid, "SIGKILL")
}, ${TICK * 1000})
`

let watching = false

/**
 * Ends this process once code that never ends holds up its thread, and whoever wanted it has gone: it would else be at it for ever, and
 * a thread that is held up hears neither of the connection's end nor of signals. What such a death leaves can be resumed.
 *
 * @param patience in seconds
 */
export function watchForOrphan(patience = PATIENCE): void {
  if (watching || process.platform === "win32") return
  watching = true
  setInterval(() => Atomics.add(state, 0, 1), 500).unref()
  const before = threads()
  // Without it, only this is not noticed: an account may start too few threads.
  try {
    startWatch(patience)
      .on("error", () => {})
      .unref()
  } catch {
    return
  }
  yieldToAll(threads().filter((id) => !before.includes(id)))
}

function startWatch(patience: number): Worker {
  return new Worker(SOURCE, {
    eval: true,
    workerData: { state, work: lastingWork, patience: patience / TICK, short: SHORT_PATIENCE / TICK },
    execArgv: [],
    env: {},
    name: "datamaestro watch",
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  })
}

/** Tells of code of others that begins (1), or has ended (-1). */
export function countCode(change: 1 | -1): void {
  Atomics.add(state, 1, change)
}

/** Of this process, where the system tells. */
function threads(): string[] {
  try {
    return readdirSync("/proc/self/task")
  } catch {
    return []
  }
}

/** Their start, 25 ms of a processor, takes no time from the work where there are only one or two. */
function yieldToAll(ids: readonly string[]): void {
  try {
    for (const id of ids) setPriority(Number(id), constants.priority.PRIORITY_LOW)
  } catch {
    // They only start as all else does.
  }
}
