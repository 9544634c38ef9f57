import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts"
import { NOTIFICATIONS, type NotificationMethod } from "./contract.ts"
import * as v from "valibot"

/** What a connection stands on: one side of a channel that carries lines. */
export interface LinePort {
  /** Sends one line; the port adds the newline. Throws nothing: a broken port reports through `onClose`. */
  send(line: string): void
  onLine(listener: (line: string) => void): void
  /** Sends bytes that belong to a stream, between two lines; resolves when there is room for more. */
  sendBytes?(stream: number, bytes: Uint8Array): Promise<void>
  /** What arrives so; an end without it takes such bytes for a broken peer. */
  onBytes?(listener: (stream: number, bytes: Uint8Array) => void): void
  /** Called once, when nothing more will come; with the reason when it was not asked for. */
  onClose(listener: (reason?: Error) => void): void
  close(): void
}

export type HeartbeatTiming = Pick<HeartbeatOptions, "interval" | "limit">

/** Starts the heartbeat of one end; `silent` is told once when the other end has said nothing for too long. */
export function keepAlive(
  port: LinePort,
  timing: HeartbeatTiming | undefined,
  silent: (ms: number) => void,
): Heartbeat {
  return new Heartbeat({
    ...timing,
    send: () => port.send(notification("$/heartbeat", {})),
    onSilence: silent,
  })
}

export function notification<N extends NotificationMethod>(
  method: N,
  params: v.InferInput<(typeof NOTIFICATIONS)[N]>,
): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params })
}

/** One side of an in-memory pair of ports, and the other; lines arrive in a later microtask, as on a wire. */
export function linkedPorts(): [LinePort, LinePort] {
  const left = new MemoryPort()
  const right = new MemoryPort()
  left.peer = right
  right.peer = left
  return [left, right]
}

class MemoryPort implements LinePort {
  peer: MemoryPort | undefined
  #onLine: ((line: string) => void) | undefined
  #onBytes: ((stream: number, bytes: Uint8Array) => void) | undefined
  #onClose: ((reason?: Error) => void) | undefined
  #closed = false

  send(line: string): void {
    if (this.#closed) return
    queueMicrotask(() => this.peer?.arrive(line))
  }

  async sendBytes(stream: number, bytes: Uint8Array): Promise<void> {
    if (!this.#closed) queueMicrotask(() => this.peer?.arriveBytes(stream, bytes))
    await Promise.resolve()
  }

  onBytes(listener: (stream: number, bytes: Uint8Array) => void): void {
    this.#onBytes = listener
  }

  arriveBytes(stream: number, bytes: Uint8Array): void {
    if (!this.#closed) this.#onBytes?.(stream, bytes)
  }

  arrive(line: string): void {
    if (!this.#closed) this.#onLine?.(line)
  }

  onLine(listener: (line: string) => void): void {
    this.#onLine = listener
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#onClose = listener
  }

  close(reason?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#onClose?.(reason)
    queueMicrotask(() => this.peer?.close(reason))
  }
}
