import { defineDataset, file, md5, reference, typed } from "@datamaestro/dataset"
import { adhoc } from "./retrieval.ts"

/** Each set's name in its id, to people, in its place on the Hub, and the MD5 sums of its queries, qrels and documents. */
const SETS = [
  [
    "arguana",
    "ArguAna",
    "NanoArguAna",
    "5ad0a26fad750dc74eae00ab753731b8",
    "5fab96653b0455879606e82071ef4b21",
    "ee563dc09a91032b494f469b6c807a9c",
  ],
  [
    "climate-fever",
    "Climate-FEVER",
    "NanoClimateFEVER",
    "0f4d43544ae8755e0557f89be3ae7e74",
    "3042ccd6054266951ac1338c57a2bb85",
    "97a57296bbb7e48ffc8b763c4b2a188b",
  ],
  [
    "dbpedia-entity",
    "DBpedia-Entity",
    "NanoDBPedia",
    "ec7d771ba38310699a5b323aa693febe",
    "8a9fa7e95c276d810ddbb53b8054801d",
    "cee2bc11f2b84fe636b5f219246221e0",
  ],
  [
    "fever",
    "FEVER",
    "NanoFEVER",
    "43122d82b3df866afad1f37a28e6ba60",
    "a25763bbae313d39668c37dbadb70cd3",
    "0b052fca4b4c975088bc2f01d7f2b749",
  ],
  [
    "fiqa",
    "FiQA-2018",
    "NanoFiQA2018",
    "8b25da8b2d2e40a483d7a782a048a950",
    "f22d89ef6658379498bc92e92cf92d26",
    "873e5dcf7920fc8c0ff210cf06907607",
  ],
  [
    "hotpotqa",
    "HotpotQA",
    "NanoHotpotQA",
    "c1f13d4ed9f88a89285e39d9e13f5c38",
    "3ed8424185156af1fe4c55aac84bce92",
    "da3d14375223d0e5dad172acdbb1c332",
  ],
  [
    "msmarco",
    "MSMARCO",
    "NanoMSMARCO",
    "9ab46c94f88bfed1e338dc0887568f03",
    "c72caacf4bc04efa8af6b2ac2944ea92",
    "15ab2a1d3674e562d088e64dc5781373",
  ],
  [
    "nfcorpus",
    "NFCorpus",
    "NanoNFCorpus",
    "6578fc992124bb997e32bd1192c1b475",
    "402762544651e0fc6df10cd76e2cbfae",
    "deb02538a3b030843a8ccca212dc6a3c",
  ],
  [
    "nq",
    "NQ",
    "NanoNQ",
    "87de29b17a669fc61d1f192bd5099887",
    "fc2b183187c4f99e0939b55dc11b1908",
    "aaf73189d2b8d0de039dc2619d7a29ef",
  ],
  [
    "quora",
    "Quora",
    "NanoQuoraRetrieval",
    "590ed67697e12f21fafe436c07e6f772",
    "650ca21cef9a73b83e3845c93e3a230a",
    "a8cd6d41cbeb6bda2a3ed90526de4521",
  ],
  [
    "scidocs",
    "SCIDOCS",
    "NanoSCIDOCS",
    "940e2220bc9667138774a36f6c771c97",
    "e21c1514761b06ac6bba5a8f958d8803",
    "60f9f2a7206f0e8a0fc185df2b7ab00b",
  ],
  [
    "scifact",
    "SciFact",
    "NanoSciFact",
    "0218d8ad9c0bd8671002f16edb497ff3",
    "1155d79cf3854fa43c72c8458f34f744",
    "9f82bfc70f9b7d7f0275fb6b8ee38876",
  ],
  [
    "webis-touche2020",
    "Touché-2020",
    "NanoTouche2020",
    "0ba668cdae413f411644871f544a9d1b",
    "4b3de9c60d59be85ae4483e1210caff9",
    "fdea27196d1234ab4aa2c49c9a849840",
  ],
] as const

const place = (repository: string, part: string): string =>
  `https://huggingface.co/datasets/zeta-alpha-ai/${repository}/resolve/main/${part}/train-00000-of-00001.parquet`

export const datasets = SETS.flatMap(([set, name, repository, queriesSum, qrelsSum, documentsSum]) => {
  const queries = defineDataset({
    id: `co.huggingface.nano-beir.${set}.queries`,
    name: `NanoBEIR ${name} queries`,
    description: `Queries of ${name} in NanoBEIR, which keeps about 50 of each BEIR set so that models can be compared in minutes; a Parquet file.`,
    tags: ["topics"],
    resources: { QUERIES: file(place(repository, "queries"), { name: "queries.parquet", integrity: md5(queriesSum) }) },
    describe: ({ QUERIES }) => typed("BeirParquetTopics", { path: QUERIES }),
  })
  const qrels = defineDataset({
    id: `co.huggingface.nano-beir.${set}.qrels`,
    name: `NanoBEIR ${name} qrels`,
    description: `Which documents answer the queries of ${name} in NanoBEIR, the small version of BEIR; a Parquet file.`,
    tags: ["qrels"],
    resources: { QRELS: file(place(repository, "qrels"), { name: "qrels.parquet", integrity: md5(qrelsSum) }) },
    describe: ({ QRELS }) => typed("BeirParquetAssessments", { path: QRELS }),
  })
  const documents = defineDataset({
    id: `co.huggingface.nano-beir.${set}.documents`,
    name: `NanoBEIR ${name} documents`,
    description: `The documents of ${name} in NanoBEIR, the small version of BEIR, with their ids; a Parquet file.`,
    tags: ["collection", "document"],
    resources: { CORPUS: file(place(repository, "corpus"), { name: "corpus.parquet", integrity: md5(documentsSum) }) },
    describe: ({ CORPUS }) => typed("BeirDocumentStore", { path: CORPUS }),
  })
  const all = defineDataset({
    id: `co.huggingface.nano-beir.${set}`,
    name: `NanoBEIR ${name}`,
    description: `${name} in NanoBEIR, the small version of BEIR: documents, about 50 queries, and which documents answer them.`,
    tasks: ["adhoc retrieval"],
    resources: { DOCS: reference(documents), QUERIES: reference(queries), QRELS: reference(qrels) },
    describe: ({ DOCS, QUERIES, QRELS }) =>
      adhoc({ documents: DOCS.value, topics: QUERIES.value, assessments: QRELS.value }),
  })
  return [queries, qrels, documents, all]
})
