import { forbidEnding } from "../process/forbid-ending.ts"
import { countCode, watchForOrphan } from "../process/orphan-watch.ts"
import { unhandledErrors } from "../process/unhandled-errors.ts"

/** Code of a package's author. */
export interface AuthorCode {
  /** What files of its package have in their paths. Asked for when an error has to be told apart. */
  mark: () => string | undefined
  /** It is known to come to an end. */
  ours?: boolean
  /** How long it may wait for whatever it waits for, in milliseconds; without end by default. Nothing ends what computes. */
  limit?: number
  /** Told of what it leaves unhandled when it is done, or while other code of the same package runs. */
  onLate: (error: unknown) => void
}

interface Running extends AuthorCode {
  fail: (error: unknown) => void
}

/** The agent's own code may lie below the folder of a package whose author has installed datamaestro there. */
const OUR_FRAME = /\bagent(-rest)?\.cjs:\d/

const running = new Set<Running>()
/** The last code that ran of each package, the latest at the end. */
const known = new Map<string, AuthorCode>()
const thrown = new WeakSet<object>()
let guarded = false

/**
 * Runs an author's code in the agent's own thread. What it leaves unhandled would end the agent with the work of all others,
 * and so would `process.exit` and its like, without a word of whose code it was.
 *
 * Whose an error is, its stack says, or that no other code runs. An AsyncLocalStorage would know better, but in Node 20 it makes every promise
 * of the agent slower from then on.
 *
 * @param owner the package
 * @throws also what it leaves unhandled before it is done
 */
export async function runAuthorCode<T>(owner: string, code: AuthorCode, run: () => T | Promise<T>): Promise<T> {
  guard()
  if (code.ours !== true) {
    watchForOrphan()
    countCode(1)
  }
  known.delete(owner)
  known.set(owner, code)
  let fail!: (error: unknown) => void
  const failed = new Promise<never>((_resolve, reject) => (fail = reject))
  const current = { ...code, fail }
  running.add(current)
  const { limit } = code
  const timer = limit === undefined ? undefined : setTimeout(() => fail(endless(limit)), limit)
  try {
    return await Promise.race([(async () => await run())(), failed])
  } catch (error) {
    // Of a CommonJS module that throws, Node 20 leaves another promise with the same error unhandled.
    if (typeof error === "object" && error !== null) thrown.add(error)
    throw error
  } finally {
    clearTimeout(timer)
    running.delete(current)
    if (code.ours !== true) countCode(-1)
  }
}

function endless(limit: number): Error {
  return new Error(`its code has not come to its end within ${limit / 1000} s`)
}

function guard(): void {
  if (guarded) return
  guarded = true
  unhandledErrors.take = take
  const isAuthors = (error: Error): boolean => concerns(error, [...known.values()]).length > 0
  forbidEnding(isAuthors)
  const exit = process.exit.bind(process)
  process.exit = (status) => {
    const error = new Error(`it called process.exit(${status ?? ""})`)
    if (!isAuthors(error)) return exit(status)
    throw error
  }
}

function take(error: unknown): boolean {
  if (typeof error === "object" && error !== null && thrown.has(error)) return true
  const late = concerns(error, [...known.values()]).at(-1)
  const suspects = concerns(error, [...running])
  if (suspects.length === 0 && late === undefined) suspects.push(...running)
  const [only] = suspects
  if (only === undefined || suspects.length > 1) late?.onLate(error)
  else only.fail(error)
  return late !== undefined || suspects.length === 1
}

/** Those in whose packages the error came up. What is no error has no stack: of our own code there is none such. */
function concerns<T extends AuthorCode>(error: unknown, codes: T[]): T[] {
  if (!(error instanceof Error)) return codes
  return codes.filter((code) => {
    const mark = code.mark()
    return mark !== undefined && cameThrough(mark, error.stack ?? "")
  })
}

/** Whether a stack has code of the package, by what its files have in their paths. */
export function cameThrough(mark: string, stack: string): boolean {
  return stack.split("\n").some((line) => line.includes(mark) && !OUR_FRAME.test(line))
}
