import { expect } from "chai"
import { sshCommand } from "../../../packages/controller/src/transport/ssh-command.ts"

describe("the ssh command of a hint", () => {
  const cases: [string, string][] = [
    ["cluster", "ssh cluster"],
    ["me@login.example.org", "ssh me@login.example.org"],
    ["me@login.example.org:2222", "ssh -p 2222 me@login.example.org"],
    ["ssh://me@login.example.org:2222", "ssh ssh://me@login.example.org:2222"],
    ["CORP\\me@cluster:2222", "ssh -p 2222 'CORP\\me@cluster'"],
    ["::1", "ssh ::1"],
  ]
  for (const [host, command] of cases) it(`for ${host}`, () => expect(sshCommand(host)).to.equal(command))
})
