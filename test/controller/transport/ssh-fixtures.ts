import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { connectOpenssh } from "../../../packages/controller/src/transport/openssh.ts"
import type { Question } from "../../../packages/controller/src/transport/prompter.ts"
import { connectSsh2 } from "../../../packages/controller/src/transport/ssh2.ts"
import type { SshTarget } from "../../../packages/controller/src/transport/ssh-target.ts"
import type { Channel, ChannelEnd, Transport } from "../../../packages/controller/src/transport/transport.ts"

export interface Person {
  available: boolean
  asked: Question[]
  ask(question: Question): Promise<string>
}

/** Somebody at a terminal who gives these answers, and then gives up. */
export function person(...answers: string[]): Person {
  const asked: Person["asked"] = []
  return {
    available: true,
    asked,
    ask: (question) => {
      asked.push(question)
      const answer = answers.shift()
      if (answer !== undefined) return Promise.resolve(answer)
      return Promise.reject(new DatamaestroError("INTERRUPTED", "Interrupted"))
    },
  }
}

export const nobody: Person = { ...person(), available: false }

export interface ConnectFixture extends Partial<SshTarget> {
  prompter?: Person
  notices?: string[]
  signal?: AbortSignal
}

/** Connects by the configuration of a test server. */
export function connectTo(server: { configFile: string }, fixture: ConnectFixture = {}): Promise<Transport> {
  const { prompter = nobody, notices = [], signal, ...target } = fixture
  const connect = target.transport === "openssh" ? connectOpenssh : connectSsh2
  return connect(
    { destination: "machine", configFile: server.configFile, identityFiles: [], options: [], ...target },
    { prompter, signal, onNotice: ({ level, message }) => notices.push(`${level}: ${message}`) },
  )
}

/** The error a promise must fail with. */
export async function failureOf(attempt: Promise<unknown>): Promise<DatamaestroError> {
  let outcome: unknown
  try {
    outcome = await attempt
  } catch (error) {
    expect(error).to.be.instanceOf(DatamaestroError)
    return error as DatamaestroError
  }
  throw new Error(`no failure but ${JSON.stringify(outcome)}`)
}

export interface Output extends ChannelEnd {
  stdout: string
  stderr: string
}

/** All that a command says. */
export async function outputOf(channel: Channel): Promise<Output> {
  const text = async (stream: Channel["stdout"]): Promise<string> => {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }
  const [stdout, stderr, end] = await Promise.all([text(channel.stdout), text(channel.stderr), channel.ended])
  return { stdout, stderr, ...end }
}

/** Runs one command and closes its stdin. */
export async function runOn(transport: Transport, command: string, input = ""): Promise<Output> {
  const channel = await transport.exec(command)
  channel.stdin.end(input)
  return outputOf(channel)
}
