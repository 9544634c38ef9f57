import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import {
  concat,
  defineDataset,
  file,
  folder,
  linkFile,
  linkFolder,
  manual,
  md5,
  merge,
  pieces,
  sha1,
  sha256,
  sha512,
  step,
  tar,
  type Resources,
  type Sum,
} from "@datamaestro/dataset"
import { expect } from "chai"
import { diskState, planWork, prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { FoundDataset } from "../../../packages/agent/src/pipeline/found-dataset.ts"
import { isUsable } from "../../../packages/agent/src/pipeline/unrecorded.ts"
import { verifyDataset } from "../../../packages/agent/src/pipeline/verify-dataset.ts"
import { carryOut } from "../../../packages/agent/src/place/placement.ts"
import { failure, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"

const oldArchive = tarGzArchive([
  { name: "x.txt", content: "old x" },
  { name: "sub/y.txt", content: "old y" },
])

const md5Of = (content: string): string => createHash("md5").update(content).digest("hex")

describe("a definition that has changed since", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup), {
    "/a.txt": { body: "a" },
    "/b.txt": { body: "b" },
    "/old.tar.gz": { body: oldArchive },
    "/new.tar.gz": {
      body: tarGzArchive([
        { name: "x.txt", content: "new x" },
        { name: "z.txt", content: "new z" },
      ]),
    },
  })

  const at = (path: string): string => origin.at(path)
  const dataset = (resources: Resources) =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources,
        describe: (all) => Object.fromEntries(Object.entries(all).map(([name, path]) => [name, folder(path as never)])),
      }),
    )
  const prepare = async (resources: Resources, given: Parameters<typeof prepareOptions>[1] = {}) => {
    const options = prepareOptions(home.path, given)
    await prepareDataset(dataset(resources), options)
    return options.events
  }
  const warnings = (events: Awaited<ReturnType<typeof prepare>>): string[] =>
    events.flatMap((event) => (event.phase === "notice" && event.level === "warning" ? [event.message] : []))
  const content = (): Record<string, string> =>
    Object.fromEntries(Object.entries(tree(root)).filter(([name, what]) => !name.startsWith(".") && what !== "/"))
  const manifest = () =>
    (
      JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
        resources: Record<string, { source?: string }>
      }
    ).resources

  it("may put into a folder what was that folder, or a file of its name", async () => {
    await prepare({ data: tar(at("/old.tar.gz"), { into: "thing" }) })
    await prepare({ data: file(at("/a.txt"), { name: "thing/deep.txt" }) })
    expect(content()).to.deep.equal({ "thing/deep.txt": "a" })
    await prepare({ data: file(at("/a.txt"), { name: "thing" }) })
    expect(content()).to.deep.equal({ thing: "a" })
    await prepare({ data: file(at("/a.txt"), { name: "thing/a/deep.txt" }) })
    expect(content()).to.deep.equal({ "thing/a/deep.txt": "a" })
  })

  it("may put into a folder what was that folder, in which a person's files stay", async () => {
    await prepare({ data: tar(at("/old.tar.gz"), { into: "thing" }) })
    writeFiles(root, { "thing/sub/mine.txt": "mine" })
    await prepare({ data: file(at("/a.txt"), { name: "thing/deep.txt" }) })
    expect(content()).to.deep.equal({ "thing/deep.txt": "a", "thing/sub/mine.txt": "mine" })
  })

  it("may have what was in a folder be that folder, with an entry of the old name", async () => {
    await prepare({ data: tar(at("/old.tar.gz"), { into: "thing/sub" }) })
    await prepare({ data: tar(at("/old.tar.gz"), { into: "thing", strip: 0 }) })
    expect(content()).to.deep.equal({ "thing/x.txt": "old x", "thing/sub/y.txt": "old y" })
  })

  it("is placed also where a kill came between the moves", async () => {
    const work = join(root, ".downloads/data.work")
    writeFiles(root, { "thing/1.txt": "1" })
    writeFiles(work, { "2.txt": "2" })
    const moves = ["1.txt", "2.txt"].map((name) => ({ from: name, to: `thing/${name}` }))
    const record = { time: "", entries: moves.map(({ to }) => to), files: [] }
    await carryOut(work, root, { plan: "", moves, stale: ["thing"], record })
    expect(content()).to.deep.equal({ "thing/1.txt": "1", "thing/2.txt": "2" })
  })

  it("may have two resources change places", async () => {
    await prepare({ a: file(at("/a.txt"), { name: "1.txt" }), b: file(at("/b.txt"), { name: "2.txt" }) })
    await prepare({ a: file(at("/a.txt"), { name: "2.txt" }), b: file(at("/b.txt"), { name: "1.txt" }) })
    expect(content()).to.deep.equal({ "1.txt": "b", "2.txt": "a" })
  })

  it("keeps what is recorded of a resource that only has another name now", async () => {
    await prepare({ a: file(at("/a.txt"), { name: "1.txt" }) })
    origin.requests.length = 0
    await prepare({ b: file(at("/a.txt"), { name: "1.txt" }) })
    expect(origin.requests).to.deep.equal([])
    expect(manifest()["b"]).to.include({ source: at("/a.txt") })
    const archived = (name: string) => ({ [name]: tar(at("/old.tar.gz")) })
    await prepare(archived("first"))
    origin.requests.length = 0
    await prepare(archived("second"))
    expect(origin.requests).to.deep.equal([])
    expect(manifest()["second"]).to.include({ source: at("/old.tar.gz") })
  })

  it("takes nothing over that another resource had at the place", async () => {
    const first = { a: file(at("/a.txt"), { name: "1.txt" }) }
    const second = { b: file(at("/b.txt"), { name: "1.txt" }) }
    await prepare(first)
    await prepare(second)
    expect(content()).to.deep.equal({ "1.txt": "b" })
    expect(manifest()).to.have.keys("b")
    await prepare(first)
    expect(content()).to.deep.equal({ "1.txt": "a" })
  })

  it("takes over what has the declared sum, whoever had it there", async () => {
    await prepare({ a: file(at("/a.txt"), { name: "1.txt" }) })
    origin.requests.length = 0
    const integrity = sha256(createHash("sha256").update("a").digest("hex"))
    await prepare({ b: file(at("/moved.txt"), { name: "1.txt", integrity }) })
    expect(origin.requests).to.deep.equal([])
    expect(manifest()).to.have.keys("b")
  })

  it("mixes no archive with one that another resource had at the place", async () => {
    for (const given of [{}, { into: "place" }]) {
      await prepare({ old: tar(at("/old.tar.gz"), given) })
      writeFiles(root, { "place/mine.txt": "mine" })
      await prepare({ new: tar(at("/new.tar.gz"), given) })
      const within = "into" in given ? "place/" : ""
      const made = { [`${within}x.txt`]: "new x", [`${within}z.txt`]: "new z" }
      expect(content()).to.deep.equal({ ...made, "place/mine.txt": "mine" })
      rmSync(root, { recursive: true })
    }
  })

  it("has steps made anew of inputs that have come with another content, and only of those", async () => {
    let runs = 0
    const made = (from: string) =>
      step({
        from: [from],
        name: `${from}.made`,
        run: async ({ input, output }) => {
          runs++
          await writeFile(output, `made of ${await readFile(input[from] ?? "", "utf8")}`)
        },
      })
    const resources = (path: string) => ({
      a: file(at(path), { name: path.slice(1) }),
      one: made("a"),
      two: step({
        from: ["one"],
        name: "two",
        run: async ({ input, output }) => {
          runs++
          await writeFile(output, await readFile(input.one))
        },
      }),
    })
    await prepare(resources("/a.txt"))
    rmSync(join(root, "a.txt"))
    await prepare(resources("/a.txt"))
    expect(runs).to.equal(2)
    await prepare(resources("/b.txt"))
    expect(content()).to.deep.equal({ "b.txt": "b", "a.made": "made of b", two: "made of b" })
    expect(runs).to.equal(4)
  })

  it("has steps made anew of what was brought by hand, or is linked, and has another content", async () => {
    const thing = (content: string) => ({
      manual: manual("https://example.org/", { name: "manual.txt", integrity: md5(md5Of(content)) }),
      link: linkFile([join(home.path, "there.txt")], { name: "link.txt", integrity: md5(md5Of(content)) }),
      both: step({
        from: ["manual", "link"],
        name: "both.txt",
        run: async ({ input, output }) => {
          await writeFile(output, (await readFile(input.manual, "utf8")) + (await readFile(input.link, "utf8")))
        },
      }),
    })
    const put = (given: string): void => {
      writeFiles(root, { "manual.txt": given })
      writeFiles(home.path, { "there.txt": given })
    }
    for (const given of ["one ", "two "]) {
      put(given)
      await prepare(thing(given))
      expect(content()).to.include({ "both.txt": given + given })
    }
    writeFiles(home.path, { "there.txt": "three" })
    await prepare({ ...thing("two "), link: thing("three").link })
    expect(content()).to.include({ "both.txt": "two three" })
  })

  it("has a transient one again for a step whose other input has come with another content", async () => {
    const joined = (names: readonly ("words" | "raw" | "a")[], name: string, transient: boolean) =>
      step({
        from: [...names],
        name,
        transient,
        run: async ({ input, output }) => {
          const inputs = input as Record<string, string>
          const texts = await Promise.all(names.map((each) => readFile(inputs[each] ?? "", "utf8")))
          await writeFile(output, texts.join(" "))
        },
      })
    const thing = (path: string) =>
      resolved(
        defineDataset({
          id: "org.example.thing",
          resources: {
            raw: file(at("/b.txt"), { transient: true }),
            words: joined(["raw"], "words.txt", true),
            a: file(at(path), { name: path.slice(1) }),
            one: joined(["words", "a"], "one.txt", false),
            two: joined(["a", "words"], "two.txt", false),
          },
          describe: ({ one, two }) => ({ one: folder(one), two: folder(two) }),
        }),
      )
    await prepareDataset(thing("/a.txt"), prepareOptions(home.path))
    expect(content()).to.deep.equal({ "a.txt": "a", "one.txt": "b a", "two.txt": "a b" })
    origin.route("/c.txt", { body: "c" })
    origin.requests.length = 0
    await prepareDataset(thing("/c.txt"), prepareOptions(home.path))
    expect(content()).to.deep.equal({ "c.txt": "c", "one.txt": "b c", "two.txt": "c b" })
    expect(origin.requests.map(({ path }) => path)).to.have.members(["/b.txt", "/c.txt"])
  })

  for (const [algorithm, sum] of Object.entries({ sha256, md5 })) {
    it(`leaves what the older one has made as it is, where the new one can't be had, by its ${algorithm}`, async () => {
      const archive = (hex: string) => ({ data: tar(at("/old.tar.gz"), { integrity: sum(hex) }) })
      const digest = createHash(algorithm).update(oldArchive).digest("hex")
      await prepare(archive(digest))
      expect(await failure(prepare(archive("0".repeat(digest.length))))).to.have.property("code", "CHECKSUM_MISMATCH")
      origin.requests.length = 0
      await prepare(archive(digest))
      expect(origin.requests).to.deep.equal([])
    })
  }

  it("goes back to a file by its sum, which is no more called complete once another is wanted", async () => {
    const wanted = (hex: string) => ({ a: file(at("/a.txt"), { integrity: md5(hex) }) })
    await prepare(wanted(md5Of("a")))
    expect(await failure(prepare(wanted("0".repeat(32))))).to.have.property("code", "CHECKSUM_MISMATCH")
    expect(JSON.parse(readFileSync(join(root, ".state.json"), "utf8"))).to.deep.include({
      resources: { a: { state: "partial" } },
    })
    origin.requests.length = 0
    await prepare(wanted(md5Of("a")))
    expect(origin.requests).to.deep.equal([])
    expect(content()).to.deep.equal({ "a.txt": "a" })
  })

  it("is not mixed with another that a kill left half placed", async () => {
    await prepare({ old: tar(at("/old.tar.gz")) })
    const found = await FoundDataset.read(
      prepareOptions(home.path).paths,
      dataset({ new: tar(at("/new.tar.gz")) }).plan,
    )
    const [resource] = found.stored
    if (resource?.kind !== "tar") throw new Error("no archive")
    await found.former.giveUp(resource, ["x.txt", "z.txt"], () => false)
    writeFiles(root, { "x.txt": "new x" })
    await prepare({ old: tar(at("/old.tar.gz")) })
    expect(content()).to.deep.equal({ "x.txt": "old x", "sub/y.txt": "old y" })
  })

  it("has anew what is recorded with another SHA-256 than it now declares", async () => {
    const sum = (content: string | Buffer, of: "download" | "output") =>
      sha256(createHash("sha256").update(content).digest("hex"), of)
    const declared = (content: string) => ({
      packed: file(at("/packed.gz"), { name: "packed.txt", integrity: sum(content, "output") }),
      raw: file(at("/raw.gz"), { name: "raw.txt", integrity: sum(gzipSync(content), "download") }),
      plain: file(at("/plain.txt"), { integrity: sum(content, "output") }),
    })
    const serve = (content: string): void => {
      for (const path of ["/packed.gz", "/raw.gz"]) origin.route(path, { body: gzipSync(content) })
      origin.route("/plain.txt", { body: content })
    }
    serve("first")
    await prepare(declared("first"))
    serve("second")
    expect(await diskState(dataset(declared("second")), { ...prepareOptions(home.path), datafolders: {} })).to.include({
      dataset: "none",
    })
    await prepare(declared("second"))
    expect(content()).to.deep.equal({ "packed.txt": "second", "raw.txt": "second", "plain.txt": "second" })
    origin.requests.length = 0
    await prepare(declared("second"))
    expect(origin.requests).to.deep.equal([])
  })

  for (const [algorithm, sum] of Object.entries({ md5, sha1, sha512 })) {
    const of = (content: string | Buffer): string => createHash(algorithm).update(content).digest("hex")
    const packed = (content: string): Buffer => gzipSync(content)
    const archive = (content: string): Buffer => tarGzArchive([{ name: "x.txt", content }])
    const declared = (content: string) => ({
      packed: file(at("/packed.gz"), { name: "packed.txt", integrity: sum(of(content)) }),
      raw: file(at("/raw.gz"), { name: "raw.txt", integrity: sum(of(packed(content)), "download") }),
      plain: file(at("/plain.txt"), { integrity: sum(of(content)) }),
      members: tar(at("/members.tar.gz"), { into: "members", integrity: sum(of(archive(content))) }),
    })
    const serve = (content: string): void => {
      for (const path of ["/packed.gz", "/raw.gz"]) origin.route(path, { body: packed(content) })
      origin.route("/plain.txt", { body: content })
      origin.route("/members.tar.gz", { body: archive(content) })
    }

    it(`has anew what was held against another ${algorithm} than it now declares`, async () => {
      serve("first")
      await prepare(declared("first"))
      serve("second")
      const options = { ...prepareOptions(home.path), datafolders: {} }
      expect(await diskState(dataset(declared("second")), options)).to.include({ dataset: "none" })
      await prepare(declared("second"))
      const names = ["members/x.txt", "packed.txt", "plain.txt", "raw.txt"]
      const all = (text: string) => Object.fromEntries(names.map((name) => [name, text]))
      expect(content()).to.deep.include(all("second"))
      origin.requests.length = 0
      await prepare(declared("second"))
      expect(origin.requests).to.deep.equal([])
      serve("first")
      await prepare(declared("first"))
      expect(content()).to.deep.include(all("first"))
    })
  }

  for (const [algorithm, sum] of Object.entries({ md5, sha256 })) {
    const of = (content: string | Buffer): string => createHash(algorithm).update(content).digest("hex")
    const archive = (content: string): Buffer => tarGzArchive([{ name: `${content}.txt`, content }])
    const halves = (content: string): Buffer[] => [archive(content).subarray(0, 60), archive(content).subarray(60)]
    const declared = (content: string) => {
      const [one = "", two = ""] = halves(content)
      const part = { url: at("/two"), integrity: sum(of(two)) }
      return {
        all: concat([tar(at("/t.tar.gz"))], { name: "all.txt", integrity: sum(of(content)) }),
        some: concat([tar(at("/t.tar.gz"), { integrity: sum(of(archive(content))) })], { name: "some.txt" }),
        merged: merge([tar(at("/t.tar.gz"), { integrity: sum(of(archive(content))) })], { into: "merged" }),
        pieces: tar(pieces([{ url: at("/one"), integrity: sum(of(one)) }, part]), { into: "pieces" }),
        whole: tar(pieces([at("/one"), at("/two")]), { into: "whole", integrity: sum(of(archive(content))) }),
        manual: manual("https://example.org/", { name: "manual.txt", integrity: sum(of(content)) }),
        packed: manual("https://example.org/", { name: "t.tgz", unpack: "tar", integrity: sum(of(archive(content))) }),
        link: linkFile([join(home.path, "there.txt")], { name: "link.txt", integrity: sum(of(content)) }),
        folder: linkFolder([join(home.path, "there")], {
          check: { glob: "*", md5: md5Of(md5Of(content)) },
        }),
      }
    }
    const serve = (content: string): void => {
      origin.route("/t.tar.gz", { body: archive(content) })
      for (const [index, half] of halves(content).entries()) origin.route(["/one", "/two"][index] ?? "", { body: half })
      writeFiles(root, { "manual.txt": content })
      writeFiles(home.path, { "there.txt": content, "there/a.txt": content })
      mkdirSync(root, { recursive: true })
      writeFileSync(join(root, "t.tgz"), archive(content))
    }

    it(`has anew what is joined, in pieces, brought by hand or linked, of which it declares another ${algorithm}`, async () => {
      serve("first")
      await prepare(declared("first"))
      origin.requests.length = 0
      await prepare(declared("first"))
      expect(origin.requests).to.deep.equal([])
      serve("second")
      const { resources } = await diskState(dataset(declared("second")), {
        ...prepareOptions(home.path),
        datafolders: {},
      })
      expect(new Set(Object.values(resources))).to.deep.equal(new Set(["none"]))
      await prepare(declared("second"))
      expect(content()).to.deep.include({
        "all.txt": "second",
        "some.txt": "second",
        "merged/second.txt": "second",
        "pieces/second.txt": "second",
        "whole/second.txt": "second",
      })
      expect(Object.keys(content()).filter((name) => name.includes("first"))).to.deep.equal([])
      expect(await failure(prepare({ link: declared("third").link }))).to.have.property("code", "CHECKSUM_MISMATCH")
      expect(await failure(prepare({ manual: declared("third").manual }))).to.have.property("code", "CHECKSUM_MISMATCH")
    })
  }

  it("keeps what it has where a sum is only added, or written in another way", async () => {
    const of = (algorithm: string, content: string | Buffer): string =>
      createHash(algorithm).update(content).digest("hex")
    origin.route("/packed.gz", { body: gzipSync("text") })
    const one = md5(of("md5", "a"))
    const two = md5(of("md5", "text"))
    const dataOf = (a: Sum | Sum[], packed: Sum | Sum[]) => ({
      a: file(at("/a.txt"), { integrity: a }),
      packed: file(at("/packed.gz"), { name: "packed.txt", integrity: packed }),
    })
    await prepare(dataOf(one, two))
    origin.requests.length = 0
    await prepare(dataOf([one, sha1(of("sha1", "a"))], [two, md5(of("md5", gzipSync("text")), "download")]))
    await prepare(dataOf(md5(of("md5", "a").toUpperCase(), "download"), [two, sha512(of("sha512", "text"))]))
    await prepare(dataOf([], []))
    await prepare(dataOf(sha512(of("sha512", "a")), two))
    expect(origin.requests).to.deep.equal([])
  })

  it("has anew what was taken over since it had another MD5 than it now declares", async () => {
    const declared = (content: string) => ({
      a: file(at("/a.txt"), { integrity: md5(createHash("md5").update(content).digest("hex")) }),
    })
    writeFiles(root, { "a.txt": "brought" })
    await prepare(declared("brought"))
    expect(origin.requests).to.deep.equal([])
    await prepare(declared("a"))
    expect(content()).to.deep.equal({ "a.txt": "a" })
  })

  it("keeps what an older version recorded without the sums", async () => {
    await prepare({ a: file(at("/a.txt"), { integrity: md5(createHash("md5").update("a").digest("hex")) }) })
    const path = join(root, ".manifest.json")
    const { resources, ...rest } = JSON.parse(readFileSync(path, "utf8")) as { resources: { a: { sums?: unknown } } }
    expect(resources.a.sums).to.be.an("array")
    delete resources.a.sums
    await writeFile(path, JSON.stringify({ ...rest, resources }))
    origin.requests.length = 0
    await prepare({ a: file(at("/a.txt"), { integrity: md5("0".repeat(32)) }) })
    expect(origin.requests).to.deep.equal([])
  })

  for (const [algorithm, sum] of Object.entries({ sha256, md5 })) {
    it(`does not take over what has another ${algorithm} under a former name`, async () => {
      const of = (content: Buffer): string => createHash(algorithm).update(content).digest("hex")
      const replaced = tarGzArchive([{ name: "x.txt", content: "replaced" }])
      await prepare({ old: tar(at("/old.tar.gz"), { into: "thing", integrity: sum(of(oldArchive)) }) })
      origin.route("/old.tar.gz", { body: replaced })
      await prepare({ new: tar(at("/old.tar.gz"), { into: "thing", integrity: sum(of(replaced)) }) })
      expect(content()).to.deep.include({ "thing/x.txt": "replaced" })
    })
  }

  it("does not call added what a resource has made that it has no more", async () => {
    const kept = { a: file(at("/a.txt"), { name: "1.txt" }) }
    await prepare({ ...kept, b: file(at("/b.txt")), data: tar(at("/old.tar.gz"), { into: "thing" }) })
    await prepare(kept)
    writeFiles(root, { "thing/mine.txt": "mine" })
    const { added, sound } = await verifyDataset(dataset(kept), prepareOptions(home.path))
    expect({ added, sound }).to.deep.equal({ added: [join(root, "thing/mine.txt")], sound: 1 })
  })

  it("does not have what the old one made called prepared", async () => {
    await prepare({ data: tar(at("/old.tar.gz")) })
    const changed = dataset({ data: tar(at("/old.tar.gz"), { into: "thing" }) })
    const options = { ...prepareOptions(home.path), datafolders: {}, mirrors: {} }
    expect((await planWork(changed, options)).work.map(({ action }) => action)).to.deep.equal(["download"])
    expect(await diskState(changed, options)).to.deep.equal({ dataset: "none", resources: { data: "none" } })
    expect(await failure(verifyDataset(changed, options))).to.have.property("code", "NOT_PREPARED")
    // Of a folder that can't be written to.
    expect(await isUsable(await FoundDataset.read(options.paths, changed.plan))).to.equal(false)
  })

  it("warns of a changed download only where it names the same source", async () => {
    await prepare({ data: file(at("/a.txt"), { name: "1.txt" }) })
    expect(warnings(await prepare({ data: file(at("/b.txt"), { name: "2.txt" }) }))).to.deep.equal([])
    const mirrors = { [at("/b")]: at("/a") }
    const [warning = ""] = warnings(
      await prepare({ data: file(at("/b.txt"), { name: "2.txt" }) }, { mirrors, force: true }),
    )
    expect(warning).to.include(at("/a.txt")).and.include(at("/b.txt"))
  })
})
