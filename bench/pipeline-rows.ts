/** The rows of the speed table: each our command first, then what it is held against, with the ratio allowed. */
import { join } from "node:path"
import type { Fixture, FixtureName, Fixtures } from "./fixtures.ts"
import { MNIST } from "./fixtures.ts"
import type { Contender } from "./measure.ts"
import type { Origin } from "./origin.ts"
import { folderOf, idOf, type BenchDataset, type Ours } from "./pipeline-ours.ts"
import {
  checkFiles,
  get,
  isInstalled,
  opensslSha256,
  pythonsWay,
  sha256sum,
  shell,
  type Workplace,
} from "./pipeline-others.ts"
import type { SlowStorage } from "./slow-storage.ts"

export interface Bench {
  /** All work is done below it. */
  folder: string
  /** The origin's files. */
  root: string
  origin: Origin
  fixtures: Fixtures
  ours: Ours
  environment: NodeJS.ProcessEnv
  python: string | undefined
  slowStorage: SlowStorage | { reason: string }
}

export interface Row {
  name: string
  title: string
  fixtures: readonly FixtureName[]
  /** A part of the rounds is enough: it takes long and varies little. */
  long?: boolean
  /** The contenders, or why there is nothing to compare. */
  contenders(bench: Bench): Promise<Contender[] | { reason: string }>
}

const PYTHON_AT_MOST = 0.5

/** What the repository of the benchmark offers, once the fixtures are there. */
export function datasetsOf(fixtures: readonly Fixture[], origin: Origin): BenchDataset[] {
  return fixtures.flatMap(({ name, sha256 }): BenchDataset[] => {
    if (name === "blob") {
      return [
        { name: "blob", kind: "file", url: `${origin.url}blob`, sha256 },
        { name: "throttled", kind: "file", url: `${origin.slowUrl}blob`, sha256 },
      ]
    }
    const kind = name.endsWith(".zip") ? "zip" : name === "text.gz" ? "file" : "tar"
    return [{ name: datasetName(name), kind, url: origin.url + name, sha256 }]
  })
}

const datasetName = (name: string): string => name.replaceAll(".", "-")

export const ROWS: readonly Row[] = [
  {
    name: "file",
    title: "1 GiB file with SHA-256",
    fixtures: ["blob"],
    contenders: async (bench) => {
      const { sha256 } = await bench.fixtures.get("blob")
      const url = `${bench.origin.url}blob`
      return complete(bench, "blob", 1, undefined, url, sha256, [
        { ...shell("curl && sha256sum -c", [get(url), sha256sum("blob", sha256)], place(bench, "a")), atMost: 0.5 },
        { ...shell("curl && openssl dgst", [get(url), opensslSha256("blob", sha256)], place(bench, "b")), atMost: 0.9 },
      ])
    },
  },
  {
    name: "throttled",
    title: "1 GiB file with SHA-256, 20 MB/s a connection",
    fixtures: ["blob"],
    long: true,
    contenders: async (bench) => {
      if (!isInstalled("aria2c")) return { reason: "no aria2c" }
      const { sha256 } = await bench.fixtures.get("blob")
      const url = `${bench.origin.slowUrl}blob`
      const download = `aria2c -q -x16 -s16 -k1M ${url}`
      return complete(
        bench,
        "throttled",
        1,
        undefined,
        url,
        sha256,
        [
          {
            ...shell("aria2c -x16 -s16 -k1M && sha256sum -c", [download, sha256sum("blob", sha256)], place(bench, "a")),
            atMost: 0.9,
          },
        ],
        bench.ours.hasOption("--connections") ? ["--connections", "16"] : [],
      )
    },
  },
  {
    name: "images-tar",
    title: "tar.gz, 20 000 images of 20 kB",
    fixtures: ["images.tar.gz"],
    contenders: (bench) => tarRow(bench, "images.tar.gz", 0.7, 0.95),
  },
  {
    name: "texts-tar",
    title: "tar.gz, four text files, 1 GiB",
    fixtures: ["texts.tar.gz"],
    contenders: (bench) => tarRow(bench, "texts.tar.gz", 0.45, 0.6),
  },
  {
    name: "text-gz",
    title: "gz, one text file, 1 GiB",
    fixtures: ["text.gz"],
    contenders: async (bench) => {
      const { name, sha256 } = await bench.fixtures.get("text.gz")
      const url = bench.origin.url + name
      const steps = [get(url), opensslSha256(name, sha256), `gunzip ${name}`]
      return complete(bench, datasetName(name), 1, "gunzip", url, sha256, [
        shell("curl && openssl dgst && gunzip", steps, place(bench, "a")),
      ])
    },
  },
  {
    name: "images-zip",
    title: "zip, 20 000 images of 20 kB",
    fixtures: ["images.zip"],
    contenders: async (bench) => {
      if (!isInstalled("unzip")) return { reason: "no unzip" }
      const { name, sha256, files } = await bench.fixtures.get("images.zip")
      const url = bench.origin.url + name
      const workplace = place(bench, "a")
      const steps = [get(url), opensslSha256(name, sha256), `unzip -q ${name}`]
      return complete(bench, datasetName(name), files, "zip", url, sha256, [
        {
          ...shell("curl && openssl dgst && unzip", steps, workplace),
          atMost: 0.65,
          check: () => checkFiles(join(workplace.folder, "images"), files),
        },
      ])
    },
  },
  {
    name: "extract-images",
    title: "extraction alone, 20 000 images of 20 kB",
    fixtures: ["images.tar.gz"],
    contenders: (bench) => extractionRow(bench, "images.tar.gz", 1.1),
  },
  {
    name: "extract-texts",
    title: "extraction alone, four text files, 1 GiB",
    fixtures: ["texts.tar.gz"],
    contenders: (bench) => extractionRow(bench, "texts.tar.gz", 0.9),
  },
  {
    name: "slow-storage",
    title: "extraction of 20 000 images onto storage with 1 ms an operation",
    fixtures: ["images.tar.gz"],
    long: true,
    contenders: async (bench) => {
      if ("reason" in bench.slowStorage) return bench.slowStorage
      // Root's tar also sets owner and mode of each file; a person's does not.
      const command = `tar --no-same-owner --no-same-permissions -xzf ${join(bench.root, "images.tar.gz")}`
      return extractionFromCache(bench, "images.tar.gz", "tar xzf", command, 0.35, bench.slowStorage)
    },
  },
  {
    name: "entries-tar",
    title: "tar.gz, 100 000 files of 1 kB",
    fixtures: ["entries.tar.gz"],
    long: true,
    contenders: (bench) => entriesRow(bench, "entries.tar.gz", "tar xzf"),
  },
  {
    name: "entries-zip",
    title: "zip, 100 000 files of 1 kB",
    fixtures: ["entries.zip"],
    long: true,
    contenders: (bench) => entriesRow(bench, "entries.zip", "unzip -q"),
  },
  {
    name: "mnist",
    title: "the four MNIST files",
    fixtures: [],
    contenders: async (bench) => mnistRow(bench),
  },
]

function place(bench: Bench, name: string): Workplace {
  return { folder: join(bench.folder, "run", name), environment: bench.environment }
}

const dataOf = (bench: Bench): string => join(bench.folder, "run", "data")

/** Ours before the others, Python's way after them. */
function complete(
  bench: Bench,
  name: string,
  files: number,
  extract: "tar" | "zip" | "gunzip" | undefined,
  url: string,
  sha256: string,
  others: readonly Contender[],
  options: string[] = [],
): Contender[] {
  const data = dataOf(bench)
  const ours = bench.ours.prepares({ id: idOf(name), data, options })
  const python = place(bench, "python")
  const jobs = [{ sum: `download=sha256:${sha256}`, source: url, target: join(python.folder, "target") }]
  return [
    { ...ours, check: () => checkFiles(folderOf(data, name), files) },
    ...others,
    ...(bench.python === undefined
      ? []
      : [{ ...pythonsWay(bench.python, extract, jobs, python), atMost: PYTHON_AT_MOST }]),
  ]
}

async function tarRow(bench: Bench, fixture: FixtureName, atMost: number, atMostOpenssl: number): Promise<Contender[]> {
  const { name, sha256, files } = await bench.fixtures.get(fixture)
  const url = bench.origin.url + name
  const plain = place(bench, "a")
  const openssl = place(bench, "b")
  return complete(bench, datasetName(name), files, "tar", url, sha256, [
    {
      ...shell("curl && sha256sum -c && tar xzf", [get(url), sha256sum(name, sha256), `tar xzf ${name}`], plain),
      atMost,
      check: () => checkFiles(plain.folder, files + 1),
    },
    {
      ...shell("curl && openssl dgst && tar xzf", [get(url), opensslSha256(name, sha256), `tar xzf ${name}`], openssl),
      atMost: atMostOpenssl,
      check: () => checkFiles(openssl.folder, files + 1),
    },
  ])
}

/** What counts is our peak memory; the time is only shown. */
async function entriesRow(bench: Bench, fixture: FixtureName, program: string): Promise<Contender[]> {
  const { name, files } = await bench.fixtures.get(fixture)
  const url = bench.origin.url + name
  const data = dataOf(bench)
  const workplace = place(bench, "a")
  return [
    {
      ...bench.ours.prepares({ id: idOf(datasetName(fixture)), data }),
      check: () => checkFiles(folderOf(data, datasetName(fixture)), files),
    },
    {
      ...shell(`curl && ${program}`, [get(url), `${program} ${name}`], workplace),
      check: () => checkFiles(join(workplace.folder, "images"), files),
    },
  ]
}

async function extractionRow(
  bench: Bench,
  fixture: FixtureName,
  atMost: number,
): Promise<Contender[] | { reason: string }> {
  if (!isInstalled("bsdtar")) return { reason: "no bsdtar" }
  return extractionFromCache(bench, fixture, "bsdtar xzf", `bsdtar xzf ${join(bench.root, fixture)}`, atMost)
}

/** Ours finds the download in its cache, verifies it and keeps it; the others read the origin's file. */
async function extractionFromCache(
  bench: Bench,
  fixture: FixtureName,
  name: string,
  command: string,
  atMost: number,
  slow?: SlowStorage,
): Promise<Contender[]> {
  const { files } = await bench.fixtures.get(fixture)
  const data = dataOf(bench)
  const below = (folder: string): NodeJS.ProcessEnv => slow?.environment(folder) ?? {}
  const options = {
    id: idOf(datasetName(fixture)),
    data,
    options: ["--keep-downloads"],
    keepCache: true,
    environment: below(data),
  }
  bench.ours.fillCache(options)
  const at = (folder: string): Workplace => {
    const workplace = place(bench, folder)
    return { ...workplace, environment: { ...workplace.environment, ...below(workplace.folder) } }
  }
  const theirs = at("a")
  const python = at("python")
  const jobs = [{ sum: "-", source: join(bench.root, fixture), target: join(python.folder, "target") }]
  return [
    {
      ...bench.ours.prepares(options),
      check: () => checkFiles(folderOf(data, datasetName(fixture)), files),
    },
    { ...shell(name, [command], theirs), atMost, check: () => checkFiles(theirs.folder, files) },
    ...(bench.python === undefined
      ? []
      : [{ ...pythonsWay(bench.python, "tar", jobs, python), atMost: PYTHON_AT_MOST }]),
  ]
}

/** The real dataset of the image repository, its files fetched from the origin through the settings' mirrors. */
async function mnistRow(bench: Bench): Promise<Contender[]> {
  const sums = await bench.fixtures.mnist()
  const url = `${bench.origin.url}mnist/`
  const data = dataOf(bench)
  const settings = { mirrors: { "https://ossci-datasets.s3.amazonaws.com/mnist/": url } }
  const download = MNIST.map(({ name }) => get(`${url}${name}.gz`))
  const unpack = "gunzip *.gz"
  const packedSums = `printf '${sums.map(({ name, md5 }) => `${md5}  ${name}\\n`).join("")}' | md5sum -c --quiet`
  const unpackedSums = `printf '${MNIST.map(({ name, md5 }) => `${md5}  ${name}\\n`).join("")}' | md5sum -c --quiet`
  const before = place(bench, "a")
  const after = place(bench, "b")
  const python = place(bench, "python")
  const jobs = MNIST.map(({ name, md5 }) => ({
    sum: `md5:${md5}`,
    source: `${url}${name}.gz`,
    target: join(python.folder, name),
  }))
  return [
    {
      ...bench.ours.prepares({ id: "com.lecun.mnist", data, settings }),
      check: () => checkFiles(join(data, "data", "image", "com", "lecun", "mnist"), MNIST.length),
    },
    { ...shell("curl ×4 && md5sum && gunzip", [...download, packedSums, unpack], before), atMost: 1.2 },
    shell("curl ×4 && gunzip && md5sum of the output, as ours", [...download, unpack, unpackedSums], after),
    ...(bench.python === undefined ? [] : [{ ...pythonsWay(bench.python, "gunzip", jobs, python), atMost: 1 }]),
  ]
}
