import type { ChannelEnd } from "./transport/transport.ts"

interface Limit {
  /** What programs say that ran into it: Node, V8, C++, and the shells. */
  said: RegExp
  hint: (where: string) => string
}

const RAISE = "have its administrators or your start-up files raise it"

const PROCESSES: Limit = {
  said: /uv_thread_create|pthread_create|can(not|'t) fork|fork: .*(resource temporarily unavailable|retry)|no more processes|EAGAIN/i,
  hint: (where) =>
    `your account may start too few processes and threads ${where}, of which Node needs some 20: see what \`ulimit -u\` prints, and what else of yours runs there (ps); ${RAISE}`,
}

const LIMITS: readonly Limit[] = [
  {
    said: /fatal process oom|virtual memory|cannot allocate memory|std::bad_alloc/i,
    hint: (where) => `programs get too little memory ${where}: see what \`ulimit -v\` prints (3 GB suffice), ${RAISE}`,
  },
  PROCESSES,
  {
    said: /uv_loop_init|EMFILE|ENFILE|too many open files/i,
    hint: (where) => `programs may open too few files ${where}: see what \`ulimit -n\` prints (1024 suffice), ${RAISE}`,
  },
]

/**
 * What to do about a program that a limit of its account has ended, if that is what it died of.
 *
 * @param end how it ended, where it was a program of Node: that ends without a word where it gets no threads
 */
export function limitHint(printed: string, end?: Pick<ChannelEnd, "code" | "signal">): string | undefined {
  const limit = LIMITS.find(({ said }) => said.test(printed))
  if (limit !== undefined) return hintThere(limit)
  // As its shell tells it, or the server.
  const aborted = end?.code === 128 + 6 || /^(SIG)?ABRT$/.test(end?.signal ?? "")
  return aborted && printed === "" ? hintThere(PROCESSES) : undefined
}

/** What to do about a program of this machine that the system has not started, if it is a limit that keeps it from that. */
export function limitHintHere(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined
  return code === undefined ? undefined : LIMITS.find(({ said }) => said.test(code))?.hint("on this machine")
}

function hintThere({ hint }: Limit): string {
  return `${hint("there")}, or choose another machine`
}
