import { expect } from "chai"
import { AllowedAddresses } from "../../../packages/controller/src/relay/allowed-addresses.ts"

describe("the addresses that a controller relays", () => {
  const allowed = (urls: string[], prefixes: string[] = []): AllowedAddresses => {
    const addresses = new AllowedAddresses()
    addresses.add({ urls, prefixes })
    return addresses
  }
  const has = (addresses: AllowedAddresses, url: string): boolean => addresses.has(new URL(url))

  it("are those of the plan, however they are written", () => {
    const addresses = allowed(["https://me:secret@a.org/x y#z", "gs://bucket/x"])
    expect(has(addresses, "https://a.org/x%20y")).to.equal(true)
    expect(has(addresses, "http://a.org/x%20y")).to.equal(false)
    expect(has(addresses, "https://a.org:444/x%20y")).to.equal(false)
    expect(has(addresses, "gs://bucket/x")).to.equal(false)
  })

  it("are not left by dots", () => {
    const addresses = allowed([], ["https://a.org/data/"])
    expect(has(addresses, "https://a.org/data/b/c?d")).to.equal(true)
    expect(has(addresses, "https://a.org/data/../secret")).to.equal(false)
    expect(has(addresses, "https://a.org/data/%2e%2e/secret")).to.equal(false)
  })

  it("grow by redirects, but not without end", () => {
    const addresses = allowed(["https://a.org/0"])
    for (let hop = 0; hop < 12; hop++) addresses.redirected(new URL(`https://a.org/${hop}`), `/${hop + 1}`)
    expect(has(addresses, "https://a.org/10")).to.equal(true)
    expect(has(addresses, "https://a.org/11")).to.equal(false)
  })

  it("never become this machine's own by another's word", () => {
    const addresses = allowed(["https://a.org/0", "http://localhost:1/0"])
    for (const own of [
      "http://localhost:631/",
      "http://127.0.0.1/",
      "http://[::1]/",
      "http://169.254.169.254/",
      "http://2130706433/",
    ]) {
      addresses.redirected(new URL("https://a.org/0"), own)
      expect(has(addresses, own), own).to.equal(false)
    }
    addresses.redirected(new URL("http://localhost:1/0"), "http://127.0.0.1:2/")
    expect(has(addresses, "http://127.0.0.1:2/")).to.equal(true)
  })
})
