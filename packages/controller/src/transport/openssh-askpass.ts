import { chmod, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { HOST_KEY_ADDED } from "./openssh-failure.ts"
import { printableLines, serverQuestion } from "./server-question.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"

/** Lets `ssh` ask its questions through a prompter of ours (ssh(1), SSH_ASKPASS). */
export interface Askpass {
  /** What `ssh` is to be started with. */
  environment: NodeJS.ProcessEnv
  /** What the person refused, e.g. by Ctrl-C. */
  readonly error: unknown
  /** What `ssh` writes meanwhile, such as why it asks again: it is told before the next question. */
  heard(words: string): void
  close(): void
}

/** The program that ssh starts for a question: hands it to us with ssh's hint, prints the answer, fails without one. */
const PROGRAM = `
const socket = require("net").connect(process.env.DATAMAESTRO_ASKPASS_SOCKET)
let answer = ""
socket.on("data", (chunk) => (answer += chunk))
socket.on("error", () => process.exit(1))
socket.on("end", () => {
  if (!answer.startsWith("+")) process.exit(1)
  process.stdout.write(answer.slice(1) + "\\n")
})
socket.end((process.env.SSH_ASKPASS_PROMPT || "") + "\\n" + process.argv[1])
`

/** ssh does not say what may be seen; what is no question to agree to may be a secret. */
const VISIBLE = /\(yes\/no|^please type 'yes'/im
/** ssh's hint that nothing is to be answered: it waits for a touch, and ends the program when that has come. */
const NOTHING_TO_ANSWER = "none"

/** @param folder one that only this account can enter: what is typed passes through a socket in it */
export async function openAskpass(
  folder: string,
  { prompter, onNotice }: Pick<SshConnectOptions, "prompter" | "onNotice">,
): Promise<Askpass> {
  const socketPath = join(folder, "a")
  const program = join(folder, "askpass")
  await writeFile(program, `#!/bin/sh\nexec "$DATAMAESTRO_ASKPASS_NODE" -e "$DATAMAESTRO_ASKPASS_PROGRAM" "$1"\n`)
  await chmod(program, 0o700)
  let refused: unknown
  let heard = ""
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined)
    let asked = ""
    socket.setEncoding("utf8").on("data", (chunk: string) => (asked += chunk))
    const answer = async (): Promise<void> => {
      const [hint] = asked.split("\n", 1)
      const words = asked.slice(asked.indexOf("\n") + 1)
      if (hint === NOTHING_TO_ANSWER) {
        for (const message of printableLines(words)) onNotice({ level: "warning", message })
        return void socket.end("+")
      }
      const told = printableLines(heard).filter((line) => !HOST_KEY_ADDED.test(line))
      const question = serverQuestion([...told, words].join("\n"))
      heard = ""
      socket.end(`+${await prompter.ask({ ...question, hidden: !VISIBLE.test(words) })}`)
    }
    socket.once("end", () => {
      answer().catch((error: unknown) => {
        refused ??= error
        socket.end()
      })
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(socketPath, resolve)
  })
  return {
    environment: environmentOf(program, socketPath),
    get error() {
      return refused
    },
    heard: (words) => void (heard += words),
    close: () => void server.close(),
  }
}

function environmentOf(program: string, socketPath: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // Before OpenSSH 8.4 the program was asked only where a display seemed to be there.
    DISPLAY: process.env["DISPLAY"] ?? "none:0",
    SSH_ASKPASS: program,
    SSH_ASKPASS_REQUIRE: "force",
    DATAMAESTRO_ASKPASS_NODE: process.execPath,
    DATAMAESTRO_ASKPASS_PROGRAM: PROGRAM,
    DATAMAESTRO_ASKPASS_SOCKET: socketPath,
  }
}
