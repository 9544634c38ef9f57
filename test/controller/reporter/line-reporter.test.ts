import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { lineReporter } from "../../../packages/controller/src/reporter/line-reporter.ts"
import { textStream } from "../../helpers/text-stream.ts"

const quiet = { debug: false, traceback: false }
const download = (bytes: number, total?: number) =>
  ({
    phase: "download",
    dataset: "org.x",
    resource: "r",
    url: "http://h/f.gz",
    bytes,
    ...(total === undefined ? {} : { total }),
  }) as const

describe("plain lines", () => {
  it("tell a start, then no more than a line each 30 s and 5 %, and the end", () => {
    const stream = textStream()
    let clock = 0
    const reporter = lineReporter({ ...quiet, stream, now: () => clock })
    reporter.event({ phase: "dataset", dataset: "org.x", state: "started" })
    for (let bytes = 0; bytes <= 1000; bytes++) {
      clock += 300
      reporter.event(download(bytes * 1000, 1_000_000))
    }
    reporter.event({ phase: "resource", dataset: "org.x", resource: "r", how: "downloaded", bytes: 1_000_000 })
    reporter.event({ phase: "dataset", dataset: "org.x", state: "done" })
    const lines = stream.text.trimEnd().split("\n")
    expect(lines.slice(0, 3)).to.deep.equal([
      "org.x: preparing",
      "org.x r: downloading from http://h/f.gz, 1.0 MB",
      "org.x r: downloading, 10 %, 100 kB of 1.0 MB",
    ])
    expect(lines.slice(-2)).to.deep.equal(["org.x r: downloaded, 1.0 MB on disk", "org.x: done"])
    expect(lines).to.have.length(1 + 1 + 10 + 2)
  })

  it("tell of each of thousands of resources only with --debug", () => {
    for (const debug of [false, true]) {
      const stream = textStream()
      const reporter = lineReporter({ ...quiet, debug, stream, now: () => 0 })
      for (let index = 0; index < 200; index++) {
        reporter.event({ phase: "resource", dataset: "org.x", resource: `r${index}`, how: "present" })
      }
      expect(stream.text.split("\n").length - 1).to.equal(debug ? 200 : 100)
    }
  })

  it("tell downloading and extracting in one pass once each, however they alternate", () => {
    const stream = textStream()
    let clock = 0
    const reporter = lineReporter({ ...quiet, stream, now: () => clock })
    for (let bytes = 0; bytes < 100; bytes++, clock += 100) {
      reporter.event(download(bytes, 1000))
      reporter.event({ phase: "extract", dataset: "org.x", resource: "r", bytes, total: 1000, files: bytes })
    }
    expect(stream.text.trimEnd().split("\n")).to.deep.equal([
      "org.x r: downloading from http://h/f.gz, 1.0 kB",
      "org.x r: extracting, 1.0 kB",
    ])
  })

  it("tell the first hundred of a dataset's resources, then how many there are, and what takes long", () => {
    const stream = textStream()
    let clock = 0
    const reporter = lineReporter({ ...quiet, stream, now: () => clock })
    reporter.event({ phase: "dataset", dataset: "org.x", state: "started" })
    reporter.event({ ...download(0, 1000), resource: "slow" })
    for (let index = 0; index < 5000; index++, clock += 10) {
      const resource = `r${index}`
      reporter.event({ ...download(0, 10), resource })
      reporter.event({ phase: "resource", dataset: "org.x", resource, how: "downloaded", bytes: 10 })
    }
    reporter.event({ ...download(500, 1000), resource: "slow" })
    reporter.event({ phase: "dataset", dataset: "org.x", state: "done" })
    const lines = stream.text.trimEnd().split("\n")
    expect(lines.slice(200)).to.deep.equal([
      "org.x r99: downloading from http://h/f.gz, 10 B",
      "org.x r99: downloaded, 10 B on disk",
      "org.x: 3100 resources so far",
      "org.x slow: downloading, 50 %, 500 B of 1.0 kB",
      "org.x: done, 5000 resources",
    ])
  })

  it("tell the first hundred of what is only verified, then how many there are", () => {
    const stream = textStream()
    let clock = 0
    const reporter = lineReporter({ ...quiet, stream, now: () => clock })
    for (let index = 0; index < 5000; index++, clock += 10)
      reporter.event({ phase: "verify", dataset: "org.x", resource: `r${index}`, bytes: 10, total: 10 })
    const lines = stream.text.trimEnd().split("\n")
    expect(lines.slice(99)).to.deep.equal(["org.x r99: verifying, 100 %, 10 B of 10 B", "org.x: 3100 resources so far"])
  })

  it("tell an upload of few chunks as what there is to do", () => {
    const stream = textStream()
    const reporter = lineReporter({ ...quiet, stream })
    for (const bytes of [40_000, 260_000]) reporter.event({ phase: "upload", what: "agent", bytes, total: 260_000 })
    expect(stream.text).to.equal("agent: uploading, 260 kB\n")
  })

  it("tell how far work is that had begun before, and what is checked", () => {
    const stream = textStream()
    const reporter = lineReporter({ ...quiet, stream })
    reporter.event({ phase: "extract", dataset: "org.x", resource: "r", bytes: 30e6, total: 60e6, files: 7 })
    reporter.event({ phase: "check", repository: "sample", checked: 1, total: 40 })
    expect(stream.text.trimEnd().split("\n")).to.deep.equal([
      "org.x r: extracting, 50 %, 30.0 MB of 60.0 MB, 7 files",
      "sample: checking, 1 of 40 sources",
    ])
  })

  it("say every 5 min that slow work goes on", () => {
    const stream = textStream()
    let clock = 0
    const reporter = lineReporter({ ...quiet, stream, now: () => clock })
    for (; clock <= 600_000; clock += 1000) reporter.event(download(1, 1_000_000_000))
    expect(stream.text.trimEnd().split("\n")).to.have.length(3)
  })

  it("carry no control characters from elsewhere, and no color", () => {
    const stream = textStream()
    const reporter = lineReporter({ ...quiet, stream })
    reporter.event({ phase: "notice", level: "warning", message: "a\u001b]0;title\u0007b\r\nerror: forged\u202e" }, "h")
    reporter.error(new DatamaestroError("AGENT_DIED", "died\u001b[31m", { hint: "x\u0000y" }), "h\u001b[1m")
    expect(stream.text).to.match(/^h: warning: a/)
    expect(stream.text).not.to.match(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
    expect(stream.text.split("\n").filter((line) => line.startsWith("error:"))).to.have.length(1)
  })

  it("tell retries and waits, and debug notices only with --debug", () => {
    const stream = textStream()
    const reporter = lineReporter({ ...quiet, stream })
    reporter.event({
      phase: "retry",
      dataset: "d",
      resource: "r",
      url: "http://h",
      attempt: 1,
      delay: 2,
      reason: "503 Service Unavailable",
    })
    const again = { dataset: "d", resource: "r", url: "http://h", attempt: 2, delay: 0.3, reason: "cut" }
    reporter.event({ phase: "retry", ...again })
    for (const seconds of [0, 65]) {
      reporter.event({ phase: "wait", dataset: "d", holder: "process 12 on node1", seconds })
    }
    reporter.event({ phase: "notice", level: "debug", message: "hidden" })
    lineReporter({ ...quiet, debug: true, stream }).event({ phase: "notice", level: "debug", message: "shown" })
    expect(stream.text).to.equal(
      "d r: 503 Service Unavailable; attempt 2 in 2 s\n" +
        "d r: cut; attempt 3 now\n" +
        "d: waiting for process 12 on node1, which works on it\n" +
        "d: waiting for process 12 on node1, which works on it, for 1 min 05 s\n" +
        "debug: shown\n",
    )
  })
})
