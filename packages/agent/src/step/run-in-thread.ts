import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import type { Worker } from "node:worker_threads"
import { interrupted, type ProgressListener } from "@datamaestro/protocol"
import { leaveBehind } from "../process/exit-or-kill.ts"
import { readPrintedLines } from "./printed-lines.ts"
import { endPrograms } from "./started-programs.ts"
import type { FromStep, StepRequest, ToStep } from "./step-request.ts"
import { ToldLines } from "./told-lines.ts"

/** How long a step that was asked to stop may take to clean up, then the programs that it started, and then its thread to end, in milliseconds. */
const GRACE = 500

export interface StepListeners {
  signal: AbortSignal
  progress: ProgressListener
  /**
   * Told the lines that it prints, of very many the first and the last: the agent's own stdout is the protocol's. What child
   * processes print of their own is none of it.
   */
  onLine(line: string): void
}

/**
 * Runs an author's step in a thread of its own: whatever its code does, the agent goes on, and can end it. The programs
 * that it started end with it.
 *
 * @throws what the step threw, as an Error; one that says so where it ended its thread or used up the memory; INTERRUPTED
 */
export async function runInThread(worker: Worker, request: StepRequest, listeners: StepListeners): Promise<void> {
  const { signal, progress, onLine } = listeners
  const send = (message: ToStep): void => worker.postMessage(message)
  const mark = randomUUID()
  let programs: Promise<void> | undefined
  const lines = new ToldLines(onLine)
  const streams = [worker.stdout, worker.stderr]
  const printed = Promise.all(streams.map((stream) => readPrintedLines(stream, (line) => lines.take(line))))
  const ended = new Promise<number>((resolve) => void worker.once("exit", resolve))
  let done = false
  let failure: unknown
  worker.on("message", (message: FromStep) => {
    if (message.type === "progress") progress(message.event)
    else if (message.type === "done") done = true
    else failure = thrown(message)
  })
  worker.once("error", (error) => (failure = error))
  let leave: (reason: unknown) => void = () => {}
  const left = new Promise<never>((_, reject) => (leave = reject))
  const stop = async (): Promise<void> => {
    send({ type: "cancel" })
    if (await endsSoon(ended)) return
    void worker.terminate()
    await (programs ??= endPrograms(mark, GRACE))
    if (await endsSoon(ended)) return
    // Nor can a thread be ended that waits for a program (`execFileSync`), where that is not known.
    leaveBehind(ended)
    leave(interrupted())
  }
  const abort = (): void => void stop()
  signal.addEventListener("abort", abort, { once: true })
  if (signal.aborted) abort()
  else send({ type: "run", request, mark })
  try {
    const status = await Promise.race([ended, left])
    await (programs ??= endPrograms(mark, GRACE))
    await printed
    lines.end()
    if (signal.aborted) throw interrupted()
    if (!done) throw failure ?? new Error(`it called process.exit(${status})`)
  } finally {
    signal.removeEventListener("abort", abort)
  }
}

/** Whether a thread ends within the grace, which keeps no process alive: the thread does. */
async function endsSoon(ended: Promise<unknown>): Promise<boolean> {
  return await Promise.race([ended.then(() => true), sleep(GRACE, false, { ref: false })])
}

function thrown({ message, stack, errno }: Extract<FromStep, { type: "failed" }>): Error {
  const error: NodeJS.ErrnoException = new Error(message)
  if (errno !== undefined) error.code = errno
  if (stack !== undefined) error.stack = stack
  return error
}
