import { expect } from "chai"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { LAUNCHER } from "../helpers/command-line.ts"

describe("a result that can't be written", () => {
  const shell = (command: string): Promise<{ status: number; stderr: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, NODE: process.execPath, LAUNCHER }
      execFile("/bin/bash", ["-c", command], { env }, (error, _stdout, stderr) =>
        resolve({ status: typeof error?.code === "number" ? error.code : 0, stderr }),
      )
    })

  for (const args of ["version", "--help", "prepare --help", "--version"]) {
    it(`is told in words with what to do: ${args} > /dev/full`, async function () {
      if (!existsSync("/dev/full")) this.skip()
      const { status, stderr } = await shell(`"$NODE" "$LAUNCHER" ${args} > /dev/full`)
      expect(stderr).to.match(
        /^error: Cannot write the result to stdout: no space left on device\n {2}hint: make room, /,
      )
      expect(status).to.equal(6)
    })

    it(`is no matter where nobody reads it: ${args} | true`, async () => {
      const { status, stderr } = await shell(`"$NODE" "$LAUNCHER" ${args} | true; exit "\${PIPESTATUS[0]}"`)
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" })
    })
  }

  for (const [signal, ending] of [
    ["INT", 130],
    ["TERM", 143],
  ] as const) {
    it(`holds nobody up who sends SIG${signal} while a full pipe takes nothing`, async function () {
      if (process.platform !== "linux") this.skip()
      const { status } = await shell(`
        folder=$(mktemp -d); mkfifo "$folder/pipe"; exec 3<>"$folder/pipe"; rm -r "$folder"
        head -c 65536 /dev/zero >&3
        "$NODE" "$LAUNCHER" version >&3 2>&- & command=$!
        { sleep 2; kill -${signal} $command; sleep 8; kill -9 $command; } > /dev/null 2>&1 &
        wait $command; ended=$?
        kill $!; exit $ended`)
      expect(status).to.equal(ending)
    })
  }
})
