import {
  concat,
  defineDataset,
  file,
  gunzip,
  keepLines,
  links,
  md5,
  reference,
  replaceInLines,
  tar,
  type Sum,
  type Transform,
} from "@datamaestro/dataset"
import { aquaint } from "./edu.upenn.ldc.aquaint.ts"
import { parts as tipster } from "./gov.nist.trec.tipster.ts"
import { adhoc, assessments, tipsterDocuments, trecTopics } from "./retrieval.ts"

const PREFIX = "gov.nist.trec.adhoc"
const NIST = "http://trec.nist.gov/data"
const DOCUMENTS = { tags: ["collection", "document"] }
const ADHOC = { tasks: ["adhoc retrieval"] }

/** A download's MD5 and bytes, where they are known from elsewhere: NIST publishes none. */
type Known = readonly [md5: string, bytes: number]

const held = (known: Known | undefined): { integrity?: Sum; size?: number } =>
  known === undefined ? {} : { integrity: md5(known[0], "download"), size: known[1] }

/** The topics of a round of the ad hoc track: 50 a year. */
function roundTopics(
  round: number,
  published: string,
  parts: readonly string[],
  more: { known?: Known; transforms?: Transform[] } = {},
) {
  const { known, transforms } = more
  return defineDataset({
    id: `${PREFIX}.${round}.topics`,
    name: `TREC-${round} ad hoc topics`,
    description: `Topics ${published.replace("-", " to ")} of TREC, those of the ad hoc track of TREC-${round}, in its SGML.`,
    tags: ["topics"],
    resources: {
      FILE: file(`${NIST}/topics_eng/topics.${published}.gz`, {
        name: "topics.sgml",
        ...held(known),
        ...(transforms === undefined ? {} : { transforms }),
      }),
    },
    describe: ({ FILE }) => trecTopics(FILE, parts),
  })
}

/** The judgements of a round: an archive of parts, each judged by other people, in one file. */
function roundQrels(round: number, url: string, more: { known?: Known; transforms?: Transform[] } = {}) {
  return defineDataset({
    // NIST changed how it names them, and so did those who gave the ids.
    id: `${PREFIX}.${round}.${round < 5 ? "assessments" : "qrels"}`,
    name: `TREC-${round} ad hoc qrels`,
    description: `Which documents answer the topics of the ad hoc track of TREC-${round}: all parts in one file.`,
    tags: ["qrels"],
    resources: {
      FILE: concat(tar(url, held(more.known)), { name: "assessments.qrels", transforms: more.transforms ?? [] }),
    },
    describe: ({ FILE }) => assessments(FILE),
  })
}

const TITLED = ["title", "desc"]
// The first topics are numbered with a zero before: 051.
const withoutZeros = [gunzip(), replaceInLines(/Number:(\s+)0/, "Number: $1")]

const topics = {
  1: roundTopics(1, "51-100", ["desc"], { transforms: withoutZeros }),
  2: roundTopics(2, "101-150", TITLED, { transforms: withoutZeros }),
  3: roundTopics(3, "151-200", TITLED),
  4: roundTopics(4, "201-250", TITLED),
  5: roundTopics(5, "251-300", TITLED),
  6: roundTopics(6, "301-350", TITLED),
  7: roundTopics(7, "351-400", TITLED, { known: ["fdee3f7e37e173fd6fcdc00fbe1fc671", 7_400] }),
  8: roundTopics(8, "401-450", TITLED, { known: ["daaafb700eed76f61a6e9e4b0dcc40c8", 6_946] }),
}

const QRELS = `${NIST}/qrels_eng`
const qrels = {
  1: roundQrels(1, `${QRELS}/qrels.51-100.disk1.disk2.parts1-5.tar.gz`),
  2: roundQrels(2, `${QRELS}/qrels.101-150.disk1.disk2.parts1-5.tar.gz`),
  // This archive has the next round's too.
  3: roundQrels(3, `${QRELS}/qrels.151-200.201-250.disks1-3.all.tar.gz`, {
    transforms: [keepLines(/^(1\d\d|200)\s/)],
  }),
  4: roundQrels(4, `${QRELS}/qrels.201-250.disk2.disk3.parts1-5.tar.gz`),
  5: roundQrels(5, `${QRELS}/qrels.251-300.parts1-5.tar.gz`),
  6: roundQrels(6, `${QRELS}/qrels.trec6.adhoc.parts1-5.tar.gz`),
  7: roundQrels(7, `${QRELS}/qrels.trec7.adhoc.parts1-5.tar.gz`, {
    known: ["43def30d4f4b33a830ae67e3dce19023", 307_120],
  }),
  8: roundQrels(8, "https://trec.nist.gov/data/qrels_eng/qrels.trec8.adhoc.parts1-5.tar.gz", {
    known: ["ce1cfa80b29746d2a5eeddab268d4f6a", 325_935],
  }),
}

type Collection = keyof typeof tipster

/** The documents that a round searched: a folder with a link to each of its collections. */
function roundDocuments(round: number, collections: readonly Collection[], patterns: readonly string[]) {
  const references = Object.fromEntries(collections.map((name) => [name, reference(tipster[name])]))
  return defineDataset({
    ...DOCUMENTS,
    id: `${PREFIX}.${round}.documents`,
    name: `TREC-${round} ad hoc documents`,
    description: `What the ad hoc track of TREC-${round} searched: ${collections.length} collections of the TIPSTER and TREC disks, linked in one folder.`,
    resources: { ...references, documents: links(collections) },
    describe: ({ documents }) => tipsterDocuments(documents, patterns),
  })
}

const AP = "*/documents/AP*"
const FR = "*/documents/FR*"
const FR_BELOW = "*/documents/*/FR*"
const WSJ = "*/documents/WSJ*"
const ZIFF = "*/documents/ZF*"
const CR = "*/documents/*/CR*"
const FT = "*/documents/*/FT*"
const FBIS = "*/documents/FB*"
const LA = "*/documents/LA*"

const documents1 = roundDocuments(
  1,
  ["ap88", "ap89", "fr88", "fr89", "wsj87", "wsj88", "wsj89", "wsj90", "wsj91", "wsj92", "ziff1", "ziff2"],
  [AP, FR, WSJ, ZIFF],
)
const documents4 = roundDocuments(
  4,
  ["ap88", "ap89", "ap90", "fr88", "sjm1", "wsj90", "wsj91", "wsj92", "ziff2", "ziff3"],
  [AP, FR, "*/documents/SJM*", WSJ, ZIFF],
)
const documents5 = roundDocuments(
  5,
  ["ap88", "cr1", "fr88", "fr94", "ft1", "wsj90", "wsj91", "wsj92", "ziff2"],
  [AP, CR, FR, FR_BELOW, FT, WSJ, ZIFF],
)
const documents6 = roundDocuments(6, ["cr1", "fbis1", "fr94", "ft1", "la8990"], [CR, FBIS, FR_BELOW, FT, LA])
const documents7 = roundDocuments(7, ["fbis1", "fr94", "ft1", "la8990"], [FBIS, FR_BELOW, FT, LA])

type Documents = typeof documents1 | typeof aquaint
type Topics = (typeof topics)[1]
type Qrels = (typeof robust2004)["qrels"] | (typeof qrels)[1]

/** A test collection of three datasets. */
function collection(id: string, name: string, parts: { documents: Documents; topics: Topics; qrels: Qrels }) {
  return defineDataset({
    ...ADHOC,
    id: `${PREFIX}.${id}`,
    name,
    description: `The test collection of ${name}: documents, topics to search for, and which documents answer them.`,
    resources: {
      DOCUMENTS: reference(parts.documents as typeof aquaint),
      TOPICS: reference(parts.topics),
      ASSESSMENTS: reference(parts.qrels as (typeof qrels)[1]),
    },
    describe: (resources) =>
      adhoc({
        documents: resources.DOCUMENTS.value,
        topics: resources.TOPICS.value,
        assessments: resources.ASSESSMENTS.value,
      }),
  })
}

function robust(year: number, what: string, from: { topics: [string, Known]; qrels: [string, Known] }) {
  const robustTopics = defineDataset({
    id: `${PREFIX}.robust.${year}.topics`,
    name: `TREC Robust ${year} topics`,
    description: `The topics of TREC's Robust track of ${year}: ${what}.`,
    tags: ["topics"],
    resources: { FILE: file(`${NIST}/robust/${from.topics[0]}`, { name: "topics", ...held(from.topics[1]) }) },
    describe: ({ FILE }) => trecTopics(FILE, TITLED),
  })
  const robustQrels = defineDataset({
    id: `${PREFIX}.robust.${year}.qrels`,
    name: `TREC Robust ${year} qrels`,
    description: `Which documents answer the topics of TREC's Robust track of ${year}.`,
    tags: ["qrels"],
    resources: {
      FILE: file(`${NIST}/robust/${from.qrels[0]}`, { name: "assessments.qrels", ...held(from.qrels[1]) }),
    },
    describe: ({ FILE }) => assessments(FILE),
  })
  return { topics: robustTopics, qrels: robustQrels }
}

const robust2004 = robust(2004, "those of TREC-6 to TREC-8 and of Robust 2003, and 49 new ones", {
  topics: ["04.testset.gz", ["5eac3d774a2f87da61c08a94f945beff", 34_293]],
  qrels: ["qrels.robust2004.txt", ["123c2a0ba2ec31178cb1050995dcfdfa", 6_543_541]],
})
const robust2005 = robust(2005, "50 of those of 2004 that systems had found hard", {
  topics: ["05/05.50.topics.txt", ["c2e722e6bdfd00f088c6f6517db564ce", 25_116]],
  qrels: ["05/TREC2005.qrels.txt", ["9186021c74090464c50f577d4826e2e2", 944_950]],
})

const collections = [
  collection("1", "TREC-1 ad hoc", { documents: documents1, topics: topics[1], qrels: qrels[1] }),
  collection("2", "TREC-2 ad hoc", { documents: documents1, topics: topics[2], qrels: qrels[2] }),
  collection("3", "TREC-3 ad hoc", { documents: documents1, topics: topics[3], qrels: qrels[3] }),
  collection("4", "TREC-4 ad hoc", { documents: documents4, topics: topics[4], qrels: qrels[4] }),
  collection("5", "TREC-5 ad hoc", { documents: documents5, topics: topics[5], qrels: qrels[5] }),
  collection("6", "TREC-6 ad hoc", { documents: documents6, topics: topics[6], qrels: qrels[6] }),
  collection("7", "TREC-7 ad hoc", { documents: documents7, topics: topics[7], qrels: qrels[7] }),
  collection("8", "TREC-8 ad hoc", { documents: documents7, topics: topics[8], qrels: qrels[8] }),
  collection("robust.2004", "TREC Robust 2004", { documents: documents7, ...robust2004 }),
  collection("robust.2005", "TREC Robust 2005", { documents: aquaint, ...robust2005 }),
]

export const datasets = [
  documents1,
  documents4,
  documents5,
  documents6,
  documents7,
  ...Object.values(topics),
  ...Object.values(qrels),
  ...Object.values(robust2004),
  ...Object.values(robust2005),
  ...collections,
]
