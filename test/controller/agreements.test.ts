import { DatamaestroError, type AcceptedAgreement } from "@datamaestro/protocol"
import { expect } from "chai"
import { Agreements } from "../../packages/controller/src/agreements.ts"
import { silentPrompter } from "../../packages/controller/src/reporter/silent-prompter.ts"
import { rejection } from "../helpers/rejection.ts"

const required = new DatamaestroError("AGREEMENT_REQUIRED", "Cannot prepare: agreement", {
  details: { dataset: "org.one", id: "org.licence", url: "https://licence.example", text: "Be\u001b[2J kind" },
})

const needing = (accepted: AcceptedAgreement[]): Promise<string> =>
  accepted.includes("org.licence") ? Promise.resolve("value") : Promise.reject(required)

function asked(answer: string): { agreements: Agreements; questions: string[]; remembered: string[] } {
  const questions: string[] = []
  const remembered: string[] = []
  const prompter = {
    available: true,
    ask: ({ text }: { text: string }) => {
      questions.push(text)
      return Promise.resolve(answer)
    },
  }
  const remember = ({ id, text }: { id: string; text?: string | undefined }): Promise<void> =>
    Promise.resolve(void remembered.push(`${id}: ${text ?? ""}`))
  return { agreements: new Agreements({ accepted: [], prompter, remember }), questions, remembered }
}

describe("agreements", () => {
  it("are asked for once, however many datasets and hosts need them, and remembered", async () => {
    const { agreements, questions, remembered } = asked("yes")
    expect(await Promise.all([agreements.during(needing), agreements.during(needing)])).to.deep.equal([
      "value",
      "value",
    ])
    expect(questions).to.have.length(1)
    expect(questions[0]).to.contain('"org.licence" of the dataset "org.one"')
    expect(questions[0]).to.contain("https://licence.example").and.not.contain("\u001b")
    expect(remembered).to.deep.equal(["org.licence: Be\u001b[2J kind"])
  })

  it("that are refused leave nothing behind (exit 7)", async () => {
    const { agreements, remembered } = asked("")
    const error = await rejection(agreements.during(needing))
    expect([error.exitStatus, remembered]).to.deep.equal([7, []])
  })

  it("that can't be remembered hold for this call, with a warning", async () => {
    const warnings: string[] = []
    const unwritable = new DatamaestroError("PERMISSION_DENIED", 'Cannot write "/c/user.json": permission denied', {
      hint: "check its permissions",
    })
    const agreements = new Agreements({
      accepted: [],
      prompter: { available: true, ask: () => Promise.resolve("y") },
      remember: () => Promise.reject(unwritable),
      onWarning: (message) => warnings.push(message),
    })
    expect(await agreements.during(needing)).to.equal("value")
    expect(warnings).to.deep.equal([
      'Cannot write "/c/user.json": permission denied: the agreement "org.licence" is accepted for this call only; check its permissions',
    ])
  })

  it("can't be asked for without a terminal: the error says how to accept", async () => {
    const agreements = new Agreements({ accepted: [], prompter: silentPrompter, remember: () => Promise.resolve() })
    const error = await rejection(agreements.during(needing))
    expect([error.exitStatus, error.hint]).to.deep.equal([
      7,
      "read https://licence.example, then accept it on a terminal or with --accept-agreement org.licence",
    ])
  })

  it("accepted before are sent along", async () => {
    const agreements = new Agreements({
      accepted: ["org.licence"],
      prompter: silentPrompter,
      remember: () => Promise.resolve(),
    })
    expect(await agreements.during(needing)).to.equal("value")
  })
})
