import type { Transport } from "../transport/transport.ts"
import { bootFailure } from "./boot-failure.ts"
import { quoteWord } from "./quote-word.ts"
import { SACRIFICE } from "./sacrifice.ts"
import { TextTail } from "./text-tail.ts"

const MARK = "@@datamaestro-shell "
const SCRIPT = `echo; echo "${MARK}$(uname -sm), $SHELL"`

export interface ShellAnswer {
  /** Platform and login shell, as the machine tells. */
  found: string
  /** Bytes that start-up files printed before. */
  noise: number
}

/**
 * Runs one small command, to see what the login shell makes of it.
 *
 * @param timeout in milliseconds
 * @throws DatamaestroError DEPLOY_FAILED, CONNECTION_LOST
 */
export async function askShell(transport: Transport, timeout: number, signal?: AbortSignal): Promise<ShellAnswer> {
  const { label } = transport
  const channel = await transport.exec(`exec /bin/sh -c ${quoteWord(SCRIPT)}`, { signal })
  const [output, errors] = [new TextTail(8192), new TextTail(2000)]
  let received = 0
  channel.stdout.on("data", (chunk: Buffer) => {
    received += chunk.length
    output.push(chunk)
  })
  channel.stderr.on("data", (chunk: Buffer) => errors.push(chunk))
  channel.stdin.on("error", () => undefined)
  channel.stdin.end(SACRIFICE)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeout)
  })
  try {
    const end = await Promise.race([channel.ended, late])
    if (end !== "late" && end.error !== undefined) throw end.error
    const at = output.text.lastIndexOf(MARK)
    if (at >= 0) {
      const line = output.text.slice(at).split("\n")[0] ?? ""
      return { found: line.slice(MARK.length).trim(), noise: Math.max(0, received - line.length - 2) }
    }
    const reason =
      end === "late" ? `it has not run the command within ${timeout / 1000} s` : `it ended with ${end.code}`
    throw bootFailure({
      label,
      noise: output.text,
      stderr: errors.text,
      booted: false,
      reason,
      ...(end === "late" ? {} : { code: end.code }),
    })
  } finally {
    clearTimeout(timer)
    channel.close()
  }
}
