import { expect } from "chai"
import {
  axis,
  type Axes,
  concat,
  csv,
  datafolderPath,
  DefinitionError,
  defineDataset,
  file,
  googleStorageFolder,
  gunzip,
  isDefinition,
  isDefinitionError,
  keepLines,
  linkFile,
  linkFolder,
  links,
  manual,
  matrix,
  md5,
  merge,
  pieces,
  reference,
  sha1,
  sha256,
  sha512,
  step,
  symbolicPath,
  tar,
  textFile,
  wayback,
  zip,
  type AnyDefinition,
  type DatasetFacts,
  type Resource,
  type Resources,
} from "@datamaestro/dataset"

const URL_A = "https://example.org/a.txt"
const PATH = symbolicPath({ repository: "r", dataset: "org.x", resource: "data", segments: [] })

function define(resources: Resources, facts: Partial<DatasetFacts> & { axes?: Axes } = {}): void {
  defineDataset({ id: "org.example.thing", ...facts, resources, describe: () => ({}) })
}

function failure(act: () => unknown): DefinitionError {
  try {
    act()
  } catch (error) {
    if (isDefinitionError(error)) return error
    throw error
  }
  throw new Error("nothing was thrown")
}

describe("defineDataset", () => {
  it("gives a branded definition with its lists filled", () => {
    const definition = defineDataset({
      id: "fr.granddebat.fiscalité",
      resources: { data: file(URL_A) },
      describe: ({ data }) => textFile(data),
    })
    expect(isDefinition(definition)).to.equal(true)
    expect(definition).to.include({ id: "fr.granddebat.fiscalité", timestamp: false })
    expect(definition.tags).to.deep.equal([])
    expect(definition.axes).to.deep.equal({})
  })

  for (const id of ["", ".a", "a.", "a..b", "a/b", "../x", "a b", "a[b]", "a@b"]) {
    it(`refuses the id ${JSON.stringify(id)}`, () => {
      expect(failure(() => define({}, { id })).field).to.equal("id")
    })
  }

  for (const key of ["_a", "a-1.b", "données", "Ж٣"]) {
    it(`takes ${key} for the name of a resource and of an axis`, () => {
      expect(() => define({ [key]: file(URL_A) }, { axes: { [key]: axis([1]) } })).not.to.throw()
    })
  }

  for (const key of ["1a", "-a", "٣a", "a b", "a/b", "é!", ""]) {
    it(`refuses ${JSON.stringify(key)} for both`, () => {
      expect(failure(() => define({ [key]: file(URL_A) })).field).to.equal(`resources.${key}`)
      expect(failure(() => define({ a: file(URL_A) }, { axes: { [key]: axis([1]) } })).field).to.equal(`axes.${key}`)
    })
  }

  it("names definition, field and reason", () => {
    const error = failure(() => define({ trainImages: file(URL_A, { integrity: md5("6bbc") }) }))
    expect(error.message).to.equal(
      'Cannot define dataset "org.example.thing": resources.trainImages.integrity: md5 "6bbc" has 4 hexadecimal digits, not 32',
    )
    expect(error).to.include({ definition: "org.example.thing", field: "resources.trainImages.integrity" })
  })

  const refused: [string, Resource, string, RegExp][] = [
    ["hex that is none", file(URL_A, { integrity: sha1("g".repeat(40)) }), "integrity", /not hexadecimal/],
    [
      "a short sha256",
      file(URL_A, { integrity: sha256("a".repeat(63)) }),
      "integrity",
      /63 hexadecimal digits, not 64/,
    ],
    ["a long sha512", file(URL_A, { integrity: [sha512("a".repeat(129))] }), "integrity", /129 .*not 128/],
    [
      "an output's sum of an archive",
      zip("https://e.org/a.zip", { integrity: md5("a".repeat(32), "output") }),
      "integrity",
      /no single file/,
    ],
    ["a sum that is a text", file(URL_A, { integrity: "md5:00" as never }), "integrity", /no sum: make one with md5/],
    [
      "a transform that is a text",
      file(URL_A, { transforms: ["gunzip" as never] }),
      "transforms",
      /make one with gunzip/,
    ],
    ["a name that no file system takes", file(URL_A, { name: `${"x".repeat(256)}/a` }), "name", /more than 255/],
    ["ftp", file("ftp://example.org/a"), "url", /scheme "ftp".*http, https and file/],
    ["data:", tar("data:text/plain,x"), "url", /scheme "data"/],
    ["a mirror that is no URL", file([URL_A, "example.org/a"]), "url", /"example.org\/a" is no URL/],
    ["no URL at all", file([]), "url", /no URL/],
    ["a URL without a file name", file("https://example.org/"), "name", /does not end in a file name/],
    ["an absolute name", file(URL_A, { name: "/etc/passwd" }), "name", /absolute/],
    ["a drive's name", file(URL_A, { name: "C:x" }), "name", /absolute/],
    ["a name that leaves", file(URL_A, { name: "a/../../b" }), "name", /leaves/],
    ["a name that leaves, from the URL", file("https://example.org/%2e%2e%2fpasswd"), "name", /leaves/],
    ["an empty name", file(URL_A, { name: "" }), "name", /empty/],
    ["a backslash", file(URL_A, { name: "a\\b" }), "name", /backslash/],
    ["a folder as name", file(URL_A, { name: "a/" }), "name", /empty part/],
    ["our own names", file(URL_A, { name: ".state.json" }), "name", /own files/],
    ["our own folder", file(URL_A, { name: ".Downloads/x" }), "name", /own files/],
    ["gunzip said twice", file(URL_A, { gunzip: true, transforms: [gunzip()] }), "transforms", /one of the two/],
    ["half a byte", file(URL_A, { size: 1.5 }), "size", /no number of bytes/],
    ["a negative strip", tar("https://e.org/a.tar", { strip: -1 }), "strip", /neither/],
    ["a subpath that leaves", tar("https://e.org/a.tar", { subpath: "../x" }), "subpath", /leaves/],
    ["a member that leaves", zip("https://e.org/a.zip", { files: ["ok", "/x"] }), "files", /absolute/],
    ["no members", zip("https://e.org/a.zip", { files: [] }), "files", /nothing would be extracted/],
    ["no globs", zip("https://e.org/a.zip", { include: [] }), "include", /nothing would be extracted/],
    ["a folder that leaves", zip("https://e.org/a.zip", { into: ".." }), "into", /leaves/],
    ["a data folder without name", datafolderPath(""), "folder", /"" is no data folder's key/],
    [
      "a data folder that settings can't hold",
      datafolderPath("constructor"),
      "folder",
      /"constructor" is no data folder's key/,
    ],
    ["a data folder's path that leaves", datafolderPath("large", "../x"), "path", /leaves/],
    [
      "a step that reads nothing known",
      step({ from: ["datta"], name: "x", run: async () => {} }),
      "from",
      /no resource "datta".*"other"/,
    ],
    [
      "a step that reads itself",
      step({ from: ["data"], name: "x", run: async () => {} }),
      "from",
      /cycle: data -> data/,
    ],
  ]
  for (const [what, resource, field, reason] of refused) {
    it(`refuses ${what}`, () => {
      const error = failure(() => define({ data: resource, other: file("https://example.org/other") }))
      expect(error.field).to.equal(`resources.data.${field}`)
      expect(error.reason).to.match(reason)
    })
  }

  it("refuses credentials in a URL without repeating them", () => {
    const error = failure(() => define({ data: file("https://me:secret@example.org/a") }))
    expect(error.message).to.match(/netrc/).and.not.contain("secret")
  })

  const clashes: [string, Resources][] = [
    ["two resources with one target", { a: file(URL_A), b: file("https://example.com/a.txt") }],
    ["targets that differ in case only", { a: file(URL_A), b: file(URL_A, { name: "A.TXT" }) }],
    [
      "targets that differ in Unicode form only",
      { a: file(URL_A, { name: "é" }), b: file(URL_A, { name: "e\u0301" }) },
    ],
    ["a file inside another one", { a: file(URL_A), b: file(URL_A, { name: "a.txt/b" }) }],
    [
      "a file inside an archive's folder",
      { a: zip("https://e.org/a.zip", { into: "sub" }), b: file(URL_A, { name: "sub/b" }) },
    ],
    [
      "two archives in the folder itself",
      { a: zip("https://e.org/a.zip", { into: "" }), b: tar("https://e.org/b.tar", { into: "" }) },
    ],
    [
      "a step that writes over a file",
      { a: file(URL_A), b: step({ from: ["a"], name: "a.txt", run: async () => {} }) },
    ],
  ]
  for (const [what, resources] of clashes) {
    it(`refuses ${what}, naming both`, () => {
      const error = failure(() => define(resources))
      expect(error.field).to.equal("resources.b")
      expect(error.reason).to.contain("resources.a clash")
    })
  }

  it("refuses two keys of one state name", () => {
    const error = failure(() => define({ trainImages: file(URL_A), train_images: file("https://example.org/b") }))
    expect(error.reason).to.contain('both named "train_images"')
  })

  it("refuses what is no resource, and keys that could not be told apart in paths", () => {
    expect(failure(() => define({ data: {} as unknown as Resource })).reason).to.match(/this is no resource/)
    expect(failure(() => define({ "a/b": file(URL_A) })).field).to.equal("resources.a/b")
  })

  it("refuses steps in a cycle", () => {
    const run = async (): Promise<void> => {}
    const error = failure(() =>
      define({ a: step({ from: ["b"], name: "a", run }), b: step({ from: ["a"], name: "b", run }) }),
    )
    expect(error.reason).to.contain("a -> b -> a")
  })

  it("refuses axes that make no sense", () => {
    const wrong = { empty: axis([]), twice: axis([1, 1]), infinite: axis([Infinity]), bare: {} }
    for (const [name, value] of Object.entries(wrong)) {
      const error = failure(() =>
        defineDataset({ id: "org.x", axes: { [name]: value as never }, resources: {}, describe: () => ({}) }),
      )
      expect(error.field).to.equal(`axes.${name}`)
    }
    expect(() => axis("integer", { default: 1.5 })).not.to.throw()
    const error = failure(() =>
      defineDataset({
        id: "org.x",
        axes: { n: axis("integer", { default: 1.5 }) },
        resources: {},
        describe: () => ({}),
      }),
    )
    expect(error.reason).to.contain("1.5 is no integer")
  })

  it("does not run the code of a reference", () => {
    define({
      source: reference((): AnyDefinition => {
        throw new Error("loaded too early")
      }),
    })
  })

  it("refuses an agreement that could not be accepted: without an id, or its text alone", () => {
    for (const agreement of [{ id: "" }, {}, "Be kind", null]) {
      const act = (): void => define({ a: file(URL_A) }, { agreement } as unknown as Partial<DatasetFacts>)
      expect(failure(act).message).to.contain("agreement.id")
    }
  })

  it("refuses a home page that is no web address", () => {
    expect(failure(() => define({}, { url: "javascript:alert(1)" })).field).to.equal("url")
  })

  const mistakes: [string, object, string][] = [
    ["a number as description", { description: 3 }, "description"],
    ["a list of licences", { license: ["MIT"] }, "license"],
    ["tags that are no list", { tags: "images" }, "tags"],
    ["no describe", { describe: undefined }, "describe"],
  ]
  for (const [what, facts, field] of mistakes) {
    it(`refuses what JavaScript lets pass: ${what}`, () => {
      const authored = { id: "org.x", resources: {}, describe: () => ({}), ...facts }
      expect(failure(() => defineDataset(authored as never)).field).to.equal(field)
    })
  }

  const mistyped: [string, (options: never) => unknown][] = [
    ["file", (options) => file(URL_A, options)],
    ["tar", (options) => tar("https://e.org/a.tar", options)],
    ["concat", (options) => concat(tar("https://e.org/a.tar"), options)],
    ["manual", (options) => manual("https://e.org/", options)],
    ["step", (options) => step(options)],
    ["axis", (options) => axis([1, 2], options)],
    ["csv", (options) => csv(PATH, options)],
    ["matrix", (options) => matrix(PATH, options)],
    ["merge", (options) => merge([], options)],
    ["links", (options) => links([], options)],
    ["linkFolder", (options) => linkFolder("/a", options)],
    ["linkFile", (options) => linkFile("/a", options)],
    ["googleStorageFolder", (options) => googleStorageFolder("gs://a/b", options)],
    ["wayback", (options) => wayback("list", options)],
    ["pieces", (options) => pieces([Object.assign({ url: "https://e.org/a.tar.aa" }, options)])],
    ["reference", (options) => reference(Object.assign({ id: "org.y" }, options))],
    ["linkFolder.check", (check) => linkFolder("/a", { check })],
    ["agreement", (options) => define({}, { agreement: Object.assign({ id: "terms" }, options) })],
    ["", (options) => defineDataset(Object.assign({ id: "org.x", resources: {}, describe: () => ({}) }, options))],
  ]
  for (const [what, act] of mistyped) {
    it(`refuses a mistyped field of ${what || "a definition"}, naming those that there are`, () => {
      const error = failure(() => act({ integritty: md5("0".repeat(32)) } as never))
      expect(error.field).to.equal(what)
      expect(error.reason).to.match(/^there is no field "integritty": there are /)
    })
  }

  const odd: [string, () => unknown][] = [
    ["resources", () => defineDataset({ id: "org.x", describe: () => ({}) } as never)],
    ["resources", () => defineDataset({ id: "org.x", resources: null, describe: () => ({}) } as never)],
    ["tar.include", () => tar(URL_A, { include: "train/**" } as never)],
    ["zip.files", () => zip(URL_A, { files: "a.txt" } as never)],
    ["step.from", () => step({ from: "raw", name: "a", run: async () => {} } as never)],
    ["file", () => file(URL_A, "a.txt" as never)],
    ["file", () => file(URL_A, null as never)],
    ["concat", () => concat([], undefined as never)],
    ["links.from", () => links("vectors" as never)],
    ["transforms", () => keepLines("x" as never)],
    ["resources.a.transforms", () => define({ a: file(URL_A, { transforms: gunzip() as never }) })],
    ["resources.a.transforms", () => define({ a: file(URL_A, { transforms: [null] as never }) })],
    ["resources.a.archives", () => define({ a: merge(["https://e.org/a.zip"] as never) })],
    ["resources.a.archives", () => define({ a: concat([file(URL_A)] as never, { name: "all" }) })],
    ["pieces.list", () => pieces("https://e.org/a.tar.aa" as never)],
    ["agreement.text", () => define({}, { agreement: { id: "terms", text: 5 } } as never)],
    ["resources.a.check", () => define({ a: linkFolder("/a", { check: { md5: "0".repeat(32) } as never }) })],
    ["resources.a.unpack", () => define({ a: manual("https://e.org/", { name: "a.rar", unpack: "rar" as never }) })],
    ["step.run", () => step({ from: [], name: "a" } as never)],
  ]
  for (const [field, act] of odd) {
    it(`refuses what ${field} can't be`, () => {
      expect(failure(act)).to.include({ field })
    })
  }
})
