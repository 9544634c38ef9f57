import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { parseSshDestination } from "../../../packages/controller/src/transport/ssh-destination.ts"

describe("parseSshDestination", () => {
  const cases: [string, object][] = [
    ["cluster", { host: "cluster", user: undefined }],
    ["me@cluster", { host: "cluster", user: "me" }],
    ["me@cluster:2222", { host: "cluster", user: "me", port: 2222 }],
    ["cluster:22", { host: "cluster", user: undefined, port: 22 }],
    ["ssh://me@cluster:2222", { host: "cluster", user: "me", port: 2222 }],
    ["ssh://cluster/", { host: "cluster", user: undefined }],
    ["ssh://a%40b@cluster", { host: "cluster", user: "a@b" }],
    ["me@corp.org@cluster", { host: "cluster", user: "me@corp.org" }],
    ["CORP\\me@cluster", { host: "cluster", user: "CORP\\me" }],
    ["ssh://CORP%5Cme@cluster", { host: "cluster", user: "CORP\\me" }],
    ["me:target@gateway", { host: "gateway", user: "me:target" }],
    ["ssh://me%3Atarget@gateway", { host: "gateway", user: "me:target" }],
    ["[::1]:2222", { host: "::1", user: undefined, port: 2222 }],
    ["me@[fe80::1%eth0]", { host: "fe80::1%eth0", user: "me" }],
    ["fe80::1", { host: "fe80::1", user: undefined }],
  ]
  for (const [text, expected] of cases) {
    it(`takes apart ${text}`, () => expect(parseSshDestination(text)).to.deep.equal(expected))
  }

  const refused = [
    "",
    "@cluster",
    "me@",
    "cluster:0",
    "cluster:99999",
    "cluster:ssh",
    "cluster:",
    "a b",
    "-oProxyCommand=x",
  ]
  refused.push("me@-x", "$(id)@cluster", "cluster;id'", "ssh://%zz@cluster", "me\\@cluster", "cluster/path")
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseSshDestination(text))
        .to.throw(DatamaestroError)
        .with.property("code", "SSH_CONFIGURATION")
    })
  }

  for (const text of ["cluster:/scratch/me", "ssh://me@cluster:22/scratch"]) {
    it(`says of ${text} where a folder is named`, () => {
      expect(() => parseSshDestination(text)).to.throw(DatamaestroError, "--data DIR")
    })
  }

  it("says of another scheme that it is none of SSH, without telling a password", () => {
    const parse = (): unknown => parseSshDestination("https://me:s3cret@cluster/scratch")
    expect(parse).to.throw(DatamaestroError, 'Cannot understand host "https://…": it is no address of SSH')
  })

  it("refuses a URL's password, without telling it", () => {
    const parse = (): unknown => parseSshDestination("ssh://me:s3cr:et@cluster:22")
    expect(parse).to.throw(DatamaestroError, 'Cannot understand host "ssh://me:…@cluster:22": it has a password')
  })
})
