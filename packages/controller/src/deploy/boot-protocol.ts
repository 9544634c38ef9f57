/**
 * What the bootstrap and the controller say before the agent speaks: only types and a few constants,
 * because the bootstrap travels inside a command line.
 *
 * The bootstrap prints an empty line (noise may have left an unfinished one), `BOOT_MAGIC`, then one JSON object a
 * line (`BootLine`), until the agent prints its own magic line. The controller may send requests at once: lines that
 * are no upload are kept and handed to the agent in order.
 */
export const BOOT_MAGIC = "@@datamaestro-boot/1"

/** How each line begins that the data machine says of itself; not the one that it is sent. */
export const OWN_LINE = /^@@datamaestro-(?!upload)/m

/** Starts the line before the bytes of the agent; the rest of the line is an `UploadHeader`. */
export const UPLOAD_PREFIX = "@@datamaestro-upload/1 "

/** Printed by the probe when no Node suits; each line up to `NO_NODE_END` is a version, a tab, and a path. */
export const NO_NODE_MAGIC = "@@datamaestro-no-node/1"
/** A line among them: what follows was found elsewhere than at the path that was asked for. */
export const INSTEAD = "@@datamaestro-instead"
export const NO_NODE_END = "@@datamaestro-no-node-end/1"

/** Printed by the probe, before its process and the path of the Node that it becomes: one that tells its version may not start. */
export const CHOSEN_NODE = "@@datamaestro-node/1 "

/** Printed by the probe, before the `LD_LIBRARY_PATH` that this Node needs, as one of an environment module may. */
export const NEEDED_LIBRARIES = "@@datamaestro-libraries/1 "

/** The variable that tells the agent: the login shell's is not to replace it. */
export const LIBRARIES = "DATAMAESTRO_LIBRARIES"

/** What the bootstrap says on stderr, and ends, where nobody speaks to it or hears it. */
export const STREAM_LOST = "A start-up file of the login shell closes the standard "

/** The oldest Node the agent runs on. */
export const OLDEST_NODE = [20, 18, 1] as const

/** What the bootstrap is started with. */
export interface BootArguments {
  /** SHA-256 of the agent, lower-case hex. */
  hash: string
  /** The agent comes on stdin without being asked for. */
  push: boolean
  /** The account's login shell is to be asked for its environment, at once. */
  login: boolean
  /** The agent lies here: local use, nothing is stored save V8's code cache. */
  file?: string
}

/** Follows `UPLOAD_PREFIX`; the bytes after the line end are Brotli (RFC 7932). */
export interface UploadHeader {
  bytes: number
}

export type BootLine =
  | {
      type: "hello"
      /** The agent is there, or will be read from stdin. */
      state: "present" | "missing" | "pushed"
      platform: string
      arch: string
      node: string
      execPath: string
      home: string
      /** `NODE_OPTIONS` of the account's start-up files, left out since no Node starts with it. */
      leftOut?: string | undefined
    }
  /** The uploaded agent was verified; `folder` is absent where none could be written and it runs from memory. */
  | { type: "stored"; folder?: string | undefined; warnings: string[] }
  | { type: "failed"; code: "NO_NODE" | "DEPLOY_FAILED"; message: string; hint: string }
