/**
 * Every way a command can fail: the stable name that crosses the wire and that
 * library users match on (`error.code`), and the exit status it ends a command with.
 */
export const EXIT_STATUS = {
  UNEXPECTED: 1,
  USAGE: 2,
  UNKNOWN_DATASET: 3,
  AMBIGUOUS_DATASET: 3,
  UNKNOWN_VARIANT: 3,
  UNKNOWN_REPOSITORY: 3,
  UNKNOWN_JOB: 3,
  DOWNLOAD_FAILED: 4,
  CHECKSUM_MISMATCH: 5,
  TRUNCATED: 5,
  CORRUPT: 5,
  UNSAFE_ARCHIVE: 5,
  CONTENT_MISMATCH: 5,
  STORAGE_FAILED: 6,
  NO_SPACE: 6,
  PERMISSION_DENIED: 6,
  READ_ONLY: 6,
  MALFORMED_SETTINGS: 6,
  BROKEN_REPOSITORY: 6,
  BROKEN_DEFINITION: 6,
  UNSUPPORTED_FORMAT: 6,
  STEP_FAILED: 6,
  NOT_PREPARED: 7,
  AGREEMENT_REQUIRED: 7,
  MANUAL_DOWNLOAD: 7,
  DATAFOLDER_MISSING: 7,
  UNREACHABLE: 8,
  HOST_KEY_UNKNOWN: 8,
  HOST_KEY_CHANGED: 8,
  AUTHENTICATION_FAILED: 8,
  CONNECTION_LOST: 8,
  SSH_CONFIGURATION: 8,
  NO_NODE: 8,
  DEPLOY_FAILED: 8,
  LAUNCHER_FAILED: 8,
  AGENT_DIED: 9,
  ALLOCATION_ENDED: 9,
  PROTOCOL_MISMATCH: 9,
  INTERRUPTED: 130,
} as const

export type ErrorCode = keyof typeof EXIT_STATUS

export interface ErrorOptions {
  /** The next step for the person to take. */
  hint?: string | undefined
  /** Facts for programs: `wanted`, `found`, `path`, `url`, `host`… Never a secret. */
  details?: Readonly<Record<string, unknown>> | undefined
  cause?: unknown
}

/** Recognises errors across copies of this module: a plug-in may bring its own. */
const BRAND = Symbol.for("datamaestro.error")

/** A failure that was foreseen: it says what failed, where, with which values, and what to do next. */
export class DatamaestroError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === DatamaestroError) return typeof value === "object" && value !== null && BRAND in value
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }

  override readonly name = "DatamaestroError"
  readonly [BRAND] = true
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.code]
  }
}

/** Whether what failed is the connection: the work may go on at its other end. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof DatamaestroError && error.code === "CONNECTION_LOST"
}

/** The shape of an error on the wire, as JSON-RPC 2.0 section 5.1 has it; programs match `data.name`. */
export interface WireError {
  code: number
  message: string
  data?: { name: string; hint?: string; details?: Record<string, unknown>; stack?: string }
}

/** Their causes are failures of code that others have written, who need to know where. */
const AUTHORS_DEFECTS: ReadonlySet<ErrorCode> = new Set(["BROKEN_DEFINITION", "BROKEN_REPOSITORY", "STEP_FAILED"])

/** JSON-RPC leaves -32000 to -32099 to the application; exit statuses fit below it. */
const WIRE_CODE_BASE = -32000

export function toWireError(error: unknown): WireError {
  const known = asDatamaestroError(error)
  return {
    code: WIRE_CODE_BASE - (known.exitStatus % 100),
    message: known.message,
    data: {
      name: known.code,
      ...(known.hint === undefined ? {} : { hint: known.hint }),
      ...(Object.keys(known.details).length === 0 ? {} : { details: { ...known.details } }),
      ...stackOf(known),
    },
  }
}

/** Where a defect is: one of ours, or of whoever wrote the definition, the repository or the step. */
function stackOf(error: DatamaestroError): { stack?: string } {
  const { cause } = error
  if (AUTHORS_DEFECTS.has(error.code) && cause instanceof Error && cause.stack !== undefined) {
    return { stack: `${error.name}: ${error.message}\n  caused by: ${cause.stack}` }
  }
  return error.code === "UNEXPECTED" && error.stack !== undefined ? { stack: error.stack } : {}
}

export function fromWireError(error: WireError): DatamaestroError {
  const name = error.data?.name
  const code = name !== undefined && Object.hasOwn(EXIT_STATUS, name) ? (name as ErrorCode) : "UNEXPECTED"
  const result = new DatamaestroError(code, error.message, { hint: error.data?.hint, details: error.data?.details })
  if (error.data?.stack !== undefined) result.stack = error.data.stack
  return result
}

/** What was thrown, as one of ours: anything unforeseen is a defect and becomes `UNEXPECTED`. */
export function asDatamaestroError(error: unknown): DatamaestroError {
  if (error instanceof DatamaestroError) return error
  const message = error instanceof Error ? error.message : String(error)
  const result = new DatamaestroError("UNEXPECTED", message, {
    cause: error,
    hint: "this is a defect of datamaestro: please report it, with the output of the same command with --debug --traceback",
  })
  if (error instanceof Error && error.stack !== undefined) result.stack = error.stack
  return result
}

export function interrupted(message = "Interrupted"): DatamaestroError {
  return new DatamaestroError("INTERRUPTED", message)
}
