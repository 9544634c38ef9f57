import { chmod, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import type { Prompter } from "./prompter.ts"

/** Lets `ssh` ask its questions through a prompter of ours (ssh(1), SSH_ASKPASS). */
export interface Askpass {
  /** What `ssh` is to be started with. */
  environment: NodeJS.ProcessEnv
  /** What the person refused, e.g. by Ctrl-C. */
  readonly error: unknown
  close(): void
}

/** The program that ssh starts for a question: hands it to us, prints the answer, fails without one. */
const PROGRAM = `
const socket = require("net").connect(process.env.DATAMAESTRO_ASKPASS_SOCKET)
let answer = ""
socket.on("data", (chunk) => (answer += chunk))
socket.on("error", () => process.exit(1))
socket.on("end", () => {
  if (!answer.startsWith("+")) process.exit(1)
  process.stdout.write(answer.slice(1) + "\\n")
})
socket.end(process.argv[1])
`

/** @param folder one that only this account can enter: what is typed passes through a socket in it */
export async function openAskpass(folder: string, prompter: Prompter): Promise<Askpass> {
  const socketPath = join(folder, "a")
  const program = join(folder, "askpass")
  await writeFile(program, `#!/bin/sh\nexec "$DATAMAESTRO_ASKPASS_NODE" -e "$DATAMAESTRO_ASKPASS_PROGRAM" "$1"\n`)
  await chmod(program, 0o700)
  let refused: unknown
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined)
    let asked = ""
    socket.setEncoding("utf8").on("data", (chunk: string) => (asked += chunk))
    const answer = async (): Promise<void> => {
      const question = printable(asked)
      // What is no question to agree to may be a secret: ssh does not say.
      const hidden = !/\(yes\/no/.test(question)
      socket.end(`+${await prompter.ask({ text: question, hidden })}`)
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
    environment: {
      ...process.env,
      // Before OpenSSH 8.4 the program was asked only where a display seemed to be there.
      DISPLAY: process.env["DISPLAY"] ?? "none:0",
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: "force",
      DATAMAESTRO_ASKPASS_NODE: process.execPath,
      DATAMAESTRO_ASKPASS_PROGRAM: PROGRAM,
      DATAMAESTRO_ASKPASS_SOCKET: socketPath,
    },
    get error() {
      return refused
    },
    close: () => void server.close(),
  }
}

/** A server's own words, without what would steer the terminal. */
function printable(question: string): string {
  return question.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim()
}
