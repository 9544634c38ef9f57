import { DatamaestroError, unlessAborted } from "@datamaestro/protocol"
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { pipeline } from "node:stream/promises"
import type { SessionEvent } from "../session/session.ts"
import { printable } from "../transport/printable.ts"
import { sshCommand } from "../transport/ssh-command.ts"
import type { Channel, Transport } from "../transport/transport.ts"
import { bundledNode, type BundledNode } from "./bundled-node.ts"
import { nodePackageFor, type MachineFacts } from "./node-package.ts"
import { GO, RECEIVE_SCRIPT, SAID, SURVEY_SCRIPT } from "./provision-script.ts"
import { quoteWord } from "./quote-word.ts"
import { SACRIFICE } from "./sacrifice.ts"
import { tellOfWait } from "./tell-of-wait.ts"
import { TextTail } from "./text-tail.ts"

export interface ProvideNodeOptions {
  onEvent: (event: SessionEvent) => void
  signal?: AbortSignal | undefined
  /** How long the machine may say nothing, in milliseconds. */
  bootTimeout: number
}

interface Folder {
  state: string
  kilobytes: number
  path: string
}

/** The program and its gzipped form, while it is unpacked, in kilobytes. */
const NEEDED = 200_000

/**
 * Brings a Node to a machine that has none: looks what runs there, gets the program on this machine, uploads what
 * lacks of it, and has it tried there.
 *
 * @returns its path there
 * @throws DatamaestroError NO_NODE, DEPLOY_FAILED, DOWNLOAD_FAILED, CHECKSUM_MISMATCH, CONNECTION_LOST, INTERRUPTED
 */
export async function provideNode(transport: Transport, options: ProvideNodeOptions): Promise<string> {
  const { label } = transport
  const { facts, folders } = await survey(transport, options)
  const wanted = nodePackageFor(facts, label)
  const notice = (level: "info" | "warning", message: string): void =>
    options.onEvent({ phase: "notice", level, message })
  const node = await bundledNode(wanted, {
    onFetch: (what) => notice("info", `Fetching ${what} by npm for "${label}"`),
    signal: options.signal,
  })
  const tried: string[] = []
  for (const folder of folders) {
    if (folder.state !== "ok" || (folder.kilobytes > 0 && folder.kilobytes < NEEDED)) {
      tried.push(
        `${folder.path} (${folder.state === "ok" ? `${Math.floor(folder.kilobytes / 1000)} MB free` : folder.state})`,
      )
      continue
    }
    const path = await upload(transport, folder.path, node, options)
    if (path !== undefined) {
      if (tried.length > 0)
        notice("warning", `Node is kept in "${folder.path}" on "${label}"; not in ${tried.join(", ")}`)
      return path
    }
    tried.push(`${folder.path} (full)`)
  }
  throw new DatamaestroError("DEPLOY_FAILED", `Cannot keep a Node on "${label}": tried ${tried.join(", ")}`, {
    hint: `make some ${NEEDED / 1000} MB free in one of them, for programs to run from; or name a Node with --node PATH`,
    details: { host: label, folders },
  })
}

async function survey(
  transport: Transport,
  options: ProvideNodeOptions,
): Promise<{ facts: MachineFacts; folders: Folder[] }> {
  const facts: MachineFacts = { system: "", machine: "", library: "" }
  const folders: Folder[] = []
  await converse(transport, `exec /bin/sh -c ${quoteWord(SURVEY_SCRIPT)}`, options, (word, rest) => {
    const [first = "", second = "", ...others] = rest.split(" ")
    if (word === "machine") Object.assign(facts, { system: first, machine: second, library: others.join(" ").trim() })
    if (word === "folder") folders.push({ state: first, kilobytes: Number(second) || 0, path: others.join(" ") })
    return word === "end"
  })
  return { facts, folders }
}

/** @returns the program's path; nothing where the folder has no room */
async function upload(
  transport: Transport,
  folder: string,
  node: BundledNode,
  options: ProvideNodeOptions,
): Promise<string | undefined> {
  const { label } = transport
  const refused = (why: string, hint: string): DatamaestroError =>
    new DatamaestroError("DEPLOY_FAILED", `Cannot use the Node that was uploaded to "${label}": ${why}`, {
      hint,
      details: { host: label, path: folder, version: node.version },
    })
  let path: string | undefined
  const words = [quoteWord(RECEIVE_SCRIPT), "sh", quoteWord(folder), node.hash, String(node.bytes)]
  await converse(transport, `exec /bin/sh -c ${words.join(" ")}`, options, (word, rest, channel) => {
    switch (word) {
      case "send":
        void sendFrom(channel, node, Number(rest), options)
        return false
      case "stored":
        path = rest
        return true
      case "full":
        return true
      case "corrupt":
        throw refused("it arrived changed", "run the same command again")
      case "unusable":
        throw refused(
          `it says: ${printable(rest)}`,
          // The program is there: what is missing is what Linux loads it with.
          /not found|no such file/i.test(rest)
            ? 'that machine lacks the GNU C library (glibc) that official builds need: install a Node of its own system there, e.g. with "apk add nodejs", and name it with --node PATH'
            : "install a Node there by other means, and name it with --node PATH",
        )
      default:
        return false
    }
  })
  return path
}

async function sendFrom(
  channel: Channel,
  node: BundledNode,
  start: number,
  options: ProvideNodeOptions,
): Promise<void> {
  channel.stdin.write(`${GO}\n`)
  const counted = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let sent = start
    for await (const chunk of source) {
      yield chunk
      sent += chunk.length
      options.onEvent({ phase: "upload", what: `Node ${node.version}`, bytes: sent, total: node.bytes })
    }
  }
  // Why it failed is told by the channel's end, or by the machine.
  const file = createReadStream(node.path, { start, highWaterMark: 64 * 1024 })
  await pipeline(file, counted, channel.stdin).catch(() => undefined)
}

/** Runs a script of ours and hears what it says, until it has said enough; bounded by silence. */
async function converse(
  transport: Transport,
  command: string,
  options: ProvideNodeOptions,
  hear: (word: string, rest: string, channel: Channel) => boolean,
): Promise<void> {
  const { label } = transport
  const channel = await transport.exec(command, { signal: options.signal })
  const noise = new TextTail(2000)
  channel.stderr.on("data", (chunk: Buffer) => noise.push(chunk))
  channel.stdin.on("error", () => undefined)
  channel.stdin.write(SACRIFICE)
  let timer: NodeJS.Timeout | undefined
  const heard = tellOfWait(label, options.bootTimeout, options.onEvent)
  try {
    const conversation = new Promise<void>((resolve, reject) => {
      const silent = (): void =>
        reject(ended(label, `nothing was heard of it for ${options.bootTimeout / 1000} s`, noise))
      const alive = (): void => {
        clearTimeout(timer)
        timer = setTimeout(silent, options.bootTimeout)
      }
      alive()
      channel.stdin.on("drain", alive)
      const lines = createInterface({ input: channel.stdout, crlfDelay: Number.POSITIVE_INFINITY })
      lines.on("line", (line) => {
        alive()
        if (!line.startsWith(SAID)) return noise.push(Buffer.from(`${line}\n`))
        heard()
        const [word = "", ...rest] = line.slice(SAID.length).split(" ")
        try {
          if (hear(word, rest.join(" "), channel)) resolve()
        } catch (error) {
          reject(error)
        }
      })
      void channel.ended.then(({ error, code }) => {
        // Its last words may still be on their way through the line reader.
        setTimeout(() => reject(error ?? ended(label, `it ended with exit code ${code}`, noise)), 100)
      })
    })
    await unlessAborted(conversation, options.signal)
  } finally {
    heard()
    clearTimeout(timer)
    channel.close()
  }
}

function ended(label: string, why: string, noise: TextTail): DatamaestroError {
  const printed = printable(noise.text)
  const shown = printed === "" ? "" : `; it printed:\n${printed}`
  return new DatamaestroError("DEPLOY_FAILED", `Cannot bring a Node to "${label}": ${why}${shown}`, {
    hint: `see what \`${sshCommand(label)} echo hello\` prints, and run the same command again: the upload continues where it stopped`,
    details: { host: label, printed },
  })
}
