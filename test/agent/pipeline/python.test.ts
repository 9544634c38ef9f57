import { expect } from "chai"
import { createHash, randomBytes } from "node:crypto"
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  mkdirSync,
} from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { defineDataset, file, folder, sha256, tar, textFile, zip } from "@datamaestro/dataset"
import { diskState, planWork, prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { FoundDataset } from "../../../packages/agent/src/pipeline/found-dataset.ts"
import { isUsable } from "../../../packages/agent/src/pipeline/unrecorded.ts"
import { verifyDataset } from "../../../packages/agent/src/pipeline/verify-dataset.ts"
import type { ResolvedDataset } from "../../../packages/agent/src/resolve/resolve-dataset.ts"
import { tree } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles, type PrepareFixture } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

/**
 * Folders as Python datamaestro 1.16.1 left them when it prepared, was killed, or failed at these very definitions
 * (written for it in its own way); and what it looks at in ours.
 */
describe("a data directory of Python datamaestro's", () => {
  let { origin, home } = {} as PreparationSetup
  const plain = randomBytes(200_000)
  const members = [
    { name: "top/1.txt", content: "one" },
    { name: "top/sub/2.txt", content: "two" },
  ]
  const accented = "/café 中.txt"

  eachPreparation((setup) => ({ origin, home } = setup), {
    "/words.txt.gz": { body: gzipSync("some words") },
    "/plain.bin": { body: plain },
    "/lone.tar.gz": { body: tarGzArchive(members) },
    "/second.tar.gz": { body: tarGzArchive(members) },
    "/first.zip": { body: zipArchive(members) },
    [encodeURI(accented)]: { body: "accents" },
  })

  const datasets = () => ({
    files: resolved(
      defineDataset({
        id: "org.example.files",
        resources: { words: file(origin.at("/words.txt.gz")), plain: file(origin.at("/plain.bin")) },
        describe: ({ words, plain: bytes }) => ({ a: textFile(words), b: textFile(bytes) }),
      }),
    ),
    lone: resolved(
      defineDataset({
        id: "org.example.lone",
        resources: { data: tar(origin.at("/lone.tar.gz")) },
        describe: ({ data }) => ({ data: folder(data) }),
      }),
    ),
    pair: resolved(
      defineDataset({
        id: "org.example.pair",
        resources: { first: zip(origin.at("/first.zip")), second: tar(origin.at("/second.tar.gz")) },
        describe: ({ first, second }) => ({ a: folder(first), b: folder(second) }),
      }),
    ),
    accents: resolved(
      defineDataset({
        id: "org.example.accents",
        resources: { café: file(origin.at(accented), { name: "café.txt" }) },
        describe: (all) => ({ text: textFile(all.café) }),
      }),
    ),
  })
  type Name = keyof ReturnType<typeof datasets>
  const place = (name: Name): string => join(home.path, "data/test/org/example", name)
  /** As Python's `json.dump(…, indent=2)` writes it. */
  const state = (states: Record<string, string>): string => {
    const resources = Object.fromEntries(Object.entries(states).map(([name, one]) => [name, { state: one }]))
    return JSON.stringify({ version: 1, resources }, undefined, 2).replaceAll("é", "\\u00e9")
  }
  const where = () => ({ ...prepareOptions(home.path), datafolders: {}, mirrors: undefined })
  /** What info and --dry-run tell before is what happens. */
  const prepareThat = async (dataset: ResolvedDataset): Promise<PrepareFixture> => {
    const { work } = await planWork(dataset, where())
    const { resources } = await diskState(dataset, where())
    const options = prepareOptions(home.path)
    await prepareDataset(dataset, options)
    const kept = options.events.flatMap((event) =>
      event.phase === "resource" && (event.how === "adopted" || event.how === "present") ? [event.resource] : [],
    )
    const nothing = work.flatMap(({ action, resource }) => (action === "none" ? [resource] : []))
    const there = Object.keys(resources).filter((name) => resources[name] === "complete")
    const isFirst = !options.events.some((event) => event.phase === "dataset" && event.state === "present")
    if (isFirst) expect({ nothing, there }).to.deep.equal({ nothing: kept, there: kept })
    return options
  }
  const prepare = (name: Name): Promise<PrepareFixture> => prepareThat(datasets()[name])
  const content = (name: Name): Record<string, string> =>
    Object.fromEntries(Object.entries(tree(place(name))).filter(([path]) => !path.startsWith(".")))
  /** `sha256(json.dumps(url))`, spelt out. */
  const pythonKey = (url: string): string => {
    const escaped = [...url].map((c) => (c > "\u007e" ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : c))
    return createHash("sha256")
      .update(`"${escaped.join("")}"`)
      .digest("hex")
  }

  const COMPLETE: Readonly<Record<Name, Record<string, string>>> = {
    files: {
      "words.txt": "some words",
      "plain.bin": "anything",
      ".state.json": state({ plain: "complete", words: "complete" }),
    },
    lone: { "1.txt": "one", "sub/2.txt": "two", ".state.json": state({ data: "complete" }) },
    pair: {
      "first/1.txt": "one",
      "first/sub/2.txt": "two",
      "second/1.txt": "one",
      "second/sub/2.txt": "two",
      ".state.json": state({ second: "complete", first: "complete" }),
    },
    accents: { "café.txt": "accents", ".state.json": state({ café: "complete" }) },
  }

  for (const name of Object.keys(COMPLETE) as Name[]) {
    it(`is taken over without a request: ${name}`, async () => {
      writeFiles(place(name), { ...COMPLETE[name], ".state.lock": "" })
      // It leaves the URL of each download.
      writeFiles(join(home.path, "cache"), { [`${pythonKey(origin.at("/plain.bin"))}.url`]: origin.at("/plain.bin") })
      const before = content(name)
      const options = await prepare(name)
      expect(origin.requests).to.deep.equal([])
      expect(options.events.at(-1)).to.include({ phase: "dataset", state: "adopted" })
      expect(content(name)).to.deep.equal(before)
    })

    it(`is taken over without a request, and told so before, from the time before there were states: ${name}`, async () => {
      const { ".state.json": _, ...files } = COMPLETE[name]
      writeFiles(place(name), files)
      await prepare(name)
      expect(origin.requests).to.deep.equal([])
    })
  }

  it("is taken over with a name that is not UTF-8, as Python writes those of old archives", async function () {
    if (process.platform !== "linux") this.skip()
    writeFiles(place("lone"), COMPLETE.lone)
    writeFileSync(Buffer.concat([Buffer.from(`${place("lone")}/sub/caf`), Buffer.from([0xe9])]), "x")
    const options = await prepare("lone")
    expect(origin.requests).to.deep.equal([])
    expect(options.events.at(-1)).to.include({ phase: "dataset", state: "adopted" })
    const { added, missing } = await verifyDataset(datasets().lone, options)
    expect([added, missing]).to.deep.equal([[], []])
  })

  it("is not taken for prepared where it was killed while it extracted, and called complete by the next run (Python's defect 1)", async () => {
    writeFiles(place("lone"), { ".state.json": state({ data: "complete" }), ".state.lock": "" })
    const { plan } = datasets().lone
    // Where it can't be written to.
    expect(await isUsable(await FoundDataset.read(where().paths, plan))).to.equal(false)
    await prepare("lone")
    expect(content("lone")).to.deep.equal({ "1.txt": "one", sub: "/", "sub/2.txt": "two" })
    writeFiles(place("pair"), COMPLETE.pair)
    expect(await isUsable(await FoundDataset.read(where().paths, datasets().pair.plan))).to.equal(true)
  })

  it("is not taken for prepared where it lacks what the value names", async () => {
    const dataset = resolved(
      defineDataset({
        id: "org.example.lone",
        resources: { data: tar(origin.at("/lone.tar.gz")) },
        describe: ({ data }) => ({ two: textFile(data.join("sub/2.txt")) }),
      }),
    )
    writeFiles(place("lone"), { "1.txt": "one", ".state.json": state({ data: "complete" }) })
    expect(await isUsable(await FoundDataset.read(where().paths, dataset.plan))).to.equal(false)
    await prepareThat(dataset)
    expect(content("lone")).to.include({ "sub/2.txt": "two" })
  })

  describe("with archives in other folders than ours", () => {
    const mixed = () => ({
      words: file(origin.at("/words.txt.gz")),
      data: tar(origin.at("/lone.tar.gz")),
    })
    const dataset = (resources: Parameters<typeof defineDataset>[0]["resources"]) =>
      resolved(defineDataset({ id: "org.example.lone", resources, describe: () => ({}) }))
    const prepareOf = (resources: Parameters<typeof defineDataset>[0]["resources"]) => prepareThat(dataset(resources))
    const both = state({ words: "complete", data: "complete" })
    const paths = (): string[] => origin.requests.map(({ path }) => path)

    it("has its only archive moved to where it is beside a file", async () => {
      writeFiles(place("lone"), {
        "words.txt": "some words",
        "lone/1.txt": "one",
        "lone/sub/2.txt": "two",
        ".state.json": both,
      })
      await prepareOf(mixed())
      expect(paths()).to.deep.equal([])
      const wanted = { "words.txt": "some words", "1.txt": "one", sub: "/", "sub/2.txt": "two" }
      expect(content("lone")).to.deep.equal(wanted)
      await prepareOf(mixed())
      expect(paths()).to.deep.equal([])
      expect(content("lone")).to.deep.equal(wanted)
    })

    it("is taken for ours where there is more than that folder, or a file that is in the way", async () => {
      const there = { "words.txt": "some words", "lone/1.txt": "one", ".state.json": both }
      writeFiles(place("lone"), { ...there, "3.txt": "three" })
      await prepareOf(mixed())
      expect(Object.keys(content("lone"))).to.include("lone/1.txt")
      expect(paths()).to.deep.equal([])
      home.remove()
      writeFiles(place("lone"), { ...there, "lone/words.txt": "of the archive" })
      await prepareOf(mixed())
      expect(paths()).to.deep.equal(["/lone.tar.gz"])
      expect(Object.keys(content("lone"))).to.include.members(["1.txt", "sub/2.txt"])
    })

    it("has those moved whose suffix it keeps", async () => {
      writeFiles(place("lone"), {
        "first/1.txt": "one",
        "third.tgz/1.txt": "one",
        ".state.json": state({ first: "complete", third: "complete" }),
      })
      await prepareOf({ first: zip(origin.at("/first.zip")), third: tar(origin.at("/third.tgz")) })
      expect(paths()).to.deep.equal([])
      expect(content("lone")).to.deep.equal({ first: "/", "first/1.txt": "one", third: "/", "third/1.txt": "one" })
    })

    it("has none of two with one name, of which it fetched one (Python's defect 3)", async () => {
      writeFiles(place("lone"), { "first/1.txt": "of either", ".state.json": state({ a: "complete", b: "complete" }) })
      await prepareOf({ a: zip(origin.at("/first.zip")), b: zip(`${origin.at("/other/")}../first.zip`) })
      expect(paths()).to.not.deep.equal([])
      expect(readFileSync(join(place("lone"), "first/1.txt"), "utf8")).to.equal("one")
    })
  })

  it("is told of where it lies in the repository that had the dataset before, and taken over once it is moved", async () => {
    const dataset = { ...datasets().files, cameFrom: async (repository: string) => repository === "former" }
    const former = join(home.path, "data/former/org/example/files")
    const warned = ({ events }: PrepareFixture): string[] =>
      events.flatMap((event) => (event.phase === "notice" && event.level === "warning" ? [event.message] : []))
    for (const name of ["former", "other"]) {
      writeFiles(join(home.path, "data", name, "org/example/files"), COMPLETE.files)
    }
    expect(warned(await prepareThat(dataset)).join())
      .to.include(`"${former}"`)
      .and.not.include("other")
    expect(existsSync(join(former, "words.txt"))).to.equal(true)
    rmSync(place("files"), { recursive: true })
    renameSync(former, place("files"))
    origin.requests.length = 0
    expect(warned(await prepareThat(dataset))).to.deep.equal([])
    expect(origin.requests).to.deep.equal([])
  })

  it("is gone on with where its first resource failed: no state yet, an empty .downloads", async () => {
    mkdirSync(join(place("files"), ".downloads"), { recursive: true })
    writeFiles(place("files"), { ".state.lock": "" })
    await prepare("files")
    expect(Object.keys(content("files"))).to.deep.equal(["plain.bin", "words.txt"])
    expect(existsSync(join(place("files"), ".downloads"))).to.equal(false)
  })

  it("is gone on with where a later resource failed: partial, with what it began", async () => {
    writeFiles(place("files"), {
      "words.txt": "some words",
      ".downloads/plain.bin": "half",
      ".state.json": state({ words: "complete", plain: "partial" }),
      ".state.lock": "",
    })
    await prepare("files")
    expect(origin.requests.map(({ path }) => path)).to.deep.equal(["/plain.bin"])
    expect(readFileSync(join(place("files"), "plain.bin")).equals(plain)).to.equal(true)
    expect(existsSync(join(place("files"), ".downloads"))).to.equal(false)
  })

  it("is gone on with where it was killed while it extracted: from its cache, not from its half folder", async () => {
    const url = origin.at("/lone.tar.gz")
    writeFiles(place("lone"), { ".downloads/data/top/1.txt": "one", ".state.lock": "" })
    writeFiles(join(home.path, "cache"), {
      [`${pythonKey(url)}.dl`]: tarGzArchive(members),
      [`${pythonKey(url)}.url`]: url,
    })
    await prepare("lone")
    expect(origin.requests).to.deep.equal([])
    expect(content("lone")).to.deep.equal({ "1.txt": "one", sub: "/", "sub/2.txt": "two" })
  })

  it("is gone on with where it was killed while it moved what it had extracted", async () => {
    writeFiles(place("lone"), { "1.txt": "one", ".downloads/data/sub/2.txt": "two", ".state.lock": "" })
    await prepare("lone")
    expect(origin.requests.map(({ path }) => path)).to.deep.equal(["/lone.tar.gz"])
    expect(content("lone")).to.deep.equal({ "1.txt": "one", sub: "/", "sub/2.txt": "two" })
    expect(existsSync(join(place("lone"), ".downloads"))).to.equal(false)
  })

  it("has files by the names of class attributes, in capitals", async () => {
    writeFiles(place("files"), {
      "words.txt": "some words",
      "plain.bin": "half",
      ".state.json": state({ WORDS: "complete", PLAIN: "partial" }),
      ".state.lock": "",
    })
    expect((await diskState(datasets().files, where())).resources).to.deep.equal({
      words: "complete",
      plain: "partial",
    })
    await prepare("files")
    expect(origin.requests.map(({ path }) => path)).to.deep.equal(["/plain.bin"])
    expect((await diskState(datasets().files, where())).dataset).to.equal("complete")
  })

  it("has cache entries of addresses beyond ASCII", async () => {
    const url = origin.at(accented)
    writeFiles(join(home.path, "cache"), { [`${pythonKey(url)}.dl`]: "from Python", [`${pythonKey(url)}.url`]: url })
    await prepare("accents")
    expect(origin.requests).to.deep.equal([])
    expect(content("accents")).to.deep.equal({ "café.txt": "from Python" })
  })

  describe("with an unfinished download", () => {
    const url = (): string => origin.at("/plain.bin")
    const part = (): string => join(home.path, "cache", `${pythonKey(url())}.tmp`)
    const declared = (declares: boolean) =>
      resolved(
        defineDataset({
          id: "org.example.declared",
          resources: {
            plain: file(url(), declares ? { integrity: sha256(createHash("sha256").update(plain).digest("hex")) } : {}),
          },
          describe: ({ plain: bytes }) => ({ bytes: textFile(bytes) }),
        }),
      )
    const leave = (bytes: Buffer, secondsAgo: number): void => {
      writeFiles(join(home.path, "cache"), { [`${pythonKey(url())}.url`]: url() })
      writeFileSync(part(), bytes)
      const then = Date.now() / 1000 - secondsAgo
      utimesSync(part(), then, then)
    }
    const prepareDeclared = async (declares: boolean): Promise<void> => {
      await prepareDataset(declared(declares), prepareOptions(home.path))
      const path = join(home.path, "data/test/org/example/declared/plain.bin")
      expect(readFileSync(path).equals(plain)).to.equal(true)
    }

    it("continues it where a sum is declared, once nobody writes it any more", async () => {
      leave(plain.subarray(0, 150_000), 60)
      await prepareDeclared(true)
      expect(origin.requests.map(({ headers, sent }) => [headers.range, sent])).to.deep.equal([
        ["bytes=150000-", 50_000],
      ])
      expect(readdirSync(join(home.path, "cache"))).to.deep.equal([])
    })

    it("fetches all of it when what was left turns out to be of another file", async () => {
      leave(randomBytes(150_000), 60)
      await prepareDeclared(true)
      expect(origin.requests.map(({ headers }) => headers.range)).to.deep.equal(["bytes=150000-", undefined])
    })

    it("does not trust it without a sum, and leaves it alone while it may be written", async () => {
      leave(plain.subarray(0, 150_000), 60)
      await prepareDeclared(false)
      leave(plain.subarray(0, 150_000), 1)
      await prepareDataset(datasets().files, prepareOptions(home.path))
      expect(origin.requests.every(({ headers }) => headers.range === undefined)).to.equal(true)
      expect(readFileSync(part())).to.have.length(150_000)
    })
  })

  /** What its orchestrator asks before it would download: the state's word, then whether there is something. */
  for (const name of Object.keys(COMPLETE) as Name[]) {
    it(`is what it needs to find when we prepared it: ${name}`, async () => {
      await prepare(name)
      const written = JSON.parse(readFileSync(join(place(name), ".state.json"), "utf8")) as Record<string, unknown>
      const expected = JSON.parse(COMPLETE[name][".state.json"] ?? "") as Record<string, unknown>
      expect(written).to.deep.equal(expected)
      const paths = Object.keys(COMPLETE[name]).filter((path) => !path.startsWith("."))
      for (const path of paths) expect(existsSync(join(place(name), path)), path).to.equal(true)
      // It would move what is left there over what we placed.
      expect(existsSync(join(place(name), ".downloads"))).to.equal(false)
    })
  }
})
