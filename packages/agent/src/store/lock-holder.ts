import { randomBytes } from "node:crypto"
import { readFile, readlink } from "node:fs/promises"
import { hostname } from "node:os"

/** Who holds a lock or writes a part: enough to tell, on the same machine, whether that process still lives. */
export interface Holder {
  host: string
  /** Changes at each boot and differs between containers that don't see each other's processes; `""` when unknown. */
  boot: string
  pid: number
  /** Start time of the process in clock ticks since boot (proc(5), field 22); `""` when unknown. */
  start: string
  /** Unique for each acquisition, lower-case hex. */
  token: string
}

let self: Promise<Omit<Holder, "token">> | undefined

/** This process, with a fresh token. */
export async function thisHolder(): Promise<Holder> {
  self ??= describeThisProcess()
  return { ...(await self), token: randomBytes(12).toString("hex") }
}

async function describeThisProcess(): Promise<Omit<Holder, "token">> {
  const [boot, namespace, stat] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
    processStat(process.pid),
  ])
  return {
    host: hostname(),
    boot: boot === "" ? "" : `${boot.trim()} ${namespace}`,
    pid: process.pid,
    start: stat?.start ?? "",
  }
}

export async function isThisProcess(holder: Holder | undefined): Promise<boolean> {
  const here = await thisHolder()
  return holder !== undefined && JSON.stringify({ ...holder, token: here.token }) === JSON.stringify(here)
}

/** Host and process id as a part of a file name: no separators, no more than 40 characters of the host. */
export function holderName(holder: Pick<Holder, "host" | "pid">): string {
  return `${holder.host.replace(/[^A-Za-z0-9-]/g, "-").slice(0, 40)}.${holder.pid}`
}

/**
 * Whether the process is known to be gone: it ran on this machine, and its id is free, a zombie's, or was
 * given to another process since. `false` also stands for "can't tell from here".
 */
export async function isGone(holder: Pick<Holder, "host" | "boot" | "pid" | "start">): Promise<boolean> {
  self ??= describeThisProcess()
  const here = await self
  if (holder.host !== here.host || holder.boot !== here.boot) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true
  }
  const stat = await processStat(holder.pid)
  if (stat === undefined) return false
  if (stat.state === "Z" || stat.state === "X") return true
  return holder.start !== "" && stat.start !== holder.start
}

/** Whether the process is known to be gone that a file is named after: `….<holderName>.<8 hex digits>.<suffix>`. */
export async function isWriterGone(fileName: string): Promise<boolean> {
  const [, host, pid] = /\.([^.]+)\.(\d+)\.[0-9a-f]{8}\.[a-z]+$/.exec(fileName) ?? []
  self ??= describeThisProcess()
  const here = { ...(await self), pid: Number(pid), start: "" }
  return pid !== undefined && `${host}.${pid}` === holderName(here) && (await isGone(here))
}

async function processStat(pid: number): Promise<{ state: string; start: string } | undefined> {
  // Of its first thread, which is as old as it is: of a process itself, an emulator (qemu's user mode) tells it another time than others.
  const text = await readFile(`/proc/${pid}/task/${pid}/stat`, "utf8").catch(() => "")
  // The command's name stands in parentheses and may hold anything, also ")".
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const state = fields[0]
  const start = fields[19]
  return state === undefined || start === undefined ? undefined : { state, start }
}

/** A holder as JSON, or `undefined` for anything else. */
export function parseHolder(text: string): Holder | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const { host, boot, pid, start, token } = value as Partial<Record<keyof Holder, unknown>>
  if (typeof host !== "string" || typeof boot !== "string" || typeof start !== "string") return undefined
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (typeof token !== "string" || !/^[0-9a-f]{8,64}$/.test(token)) return undefined
  return { host, boot, pid, start, token }
}
