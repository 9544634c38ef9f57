import {
  DatamaestroError,
  EXIT_STATUS,
  formatBytes,
  type AgentClient,
  type ErrorCode,
  type Result,
} from "@datamaestro/protocol"
import type { Examination } from "./examination.ts"

const LITTLE_SPACE = 1024 ** 3
const FEW_INODES = 10_000
/** How far two clocks may be apart, in milliseconds. */
const CLOCK_TOLERANCE = 5000

/** What an agent that answers finds on its machine: the steps of `doctor` from the data directory on. */
export async function examineMachine(
  agent: AgentClient,
  { paths, dataSource }: Result<"initialize">,
  examination: Examination,
  { url, remote, signal }: { url: string; remote: boolean; signal: AbortSignal },
): Promise<void> {
  const { data, internet, proxies } = await agent.request("machine/diagnose", { url }, { signal })
  // One request for both; the internet came last.
  const dataEnd = performance.now() - internet.milliseconds
  examineData(data, `${paths.data} (${SOURCES[dataSource]})`, examination, dataEnd)
  const named = Object.entries(proxies).map(([name, value]) => `${name}=${value}`)
  const doubt = named.length === 0 ? "" : " (one is named, see below: does it answer, and let this address pass?)"
  if (internet.status !== undefined) examination.passed("internet", `${url} answers ${internet.status}`)
  else {
    examination.failed(
      new DatamaestroError(
        "DOWNLOAD_FAILED",
        `Cannot reach ${url} from ${remote ? "there" : "here"}: ${internet.failure ?? "no answer"}`,
        {
          hint: remote
            ? `use a login node, which usually may go out; or export HTTPS_PROXY in the login shell there, as its administrators say${doubt}; until then downloads go out through this machine (--relay)`
            : `check the network; or export HTTPS_PROXY, as its administrators say${doubt}`,
        },
      ),
      "internet",
    )
  }
  examination.passed("proxy", named.length === 0 ? "none is named" : named.join(" "))
  const asked = Date.now()
  const { time } = await agent.request("machine/time", {}, { signal })
  const ahead = time - (asked + Date.now()) / 2
  const seconds = (Math.abs(ahead) / 1000).toFixed(1)
  const wrong = "have it set by NTP: locks between machines and the age of files depend on it"
  examination.passed(
    "clock",
    `${seconds} s ${ahead < 0 ? "behind" : "ahead of"} this machine's`,
    Math.abs(ahead) > CLOCK_TOLERANCE ? wrong : undefined,
  )
}

const SOURCES = {
  option: "--data",
  environment: "DATAMAESTRO_DIR",
  settings: "user.json",
  default: "the default",
} as const

function examineData(
  data: Result<"machine/diagnose">["data"],
  name: string,
  examination: Examination,
  end: number,
): void {
  const { exists, looked, freeBytes, freeInodes, failure } = data
  if (failure !== undefined) {
    const code = Object.hasOwn(EXIT_STATUS, failure.code) ? (failure.code as ErrorCode) : "STORAGE_FAILED"
    return examination.failed(
      new DatamaestroError(code, failure.message, { hint: failure.hint }),
      "data directory",
      end,
    )
  }
  const facts = [
    exists ? undefined : `not there yet, below ${looked}`,
    freeBytes === undefined ? undefined : `${formatBytes(freeBytes)} free`,
    freeInodes === undefined ? undefined : `${freeInodes} inodes free`,
  ].filter((fact) => fact !== undefined)
  const little = (freeBytes ?? LITTLE_SPACE) < LITTLE_SPACE || (freeInodes ?? FEW_INODES) < FEW_INODES
  const next = "free some space, or choose another place with --data or DATAMAESTRO_DIR"
  examination.passed("data directory", [name, ...facts].join(", "), little ? next : undefined, end)
}
