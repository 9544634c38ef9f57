import {
  defineDataset,
  file,
  md5,
  reference,
  typed,
  type DescribedObject,
  type FileResource,
} from "@datamaestro/dataset"
import { adhoc, assessments } from "./retrieval.ts"

const PREFIX = "gov.nist.trec.cast"
const TRACK = "https://raw.githubusercontent.com/daltonj/treccastweb/master"
const OFFSETS = "https://huggingface.co/datasets/irds/trec_cast_offsets/resolve/main"

const ofIr = (id: string) => reference({ id, repository: "ir" })

const facts = (version: string, what: string) => ({
  id: `${PREFIX}.cast.${version}.documents`,
  name: `TREC CaST documents ${version}`,
  description: `What TREC's Conversational Assistance Track searched: ${what}. The prefixes tell by an id where it is from.`,
  tags: ["collection"],
})

const MSMARCO = ofIr("com.microsoft.msmarco.passage.documents")
const CAR = ofIr("gov.nist.trec.car.documents")
const WAPO = ofIr("gov.nist.trec.wapo.wapo.v4.documents")
const KILT = ofIr("org.facebook.kilt.documents")

const v0 = defineDataset({
  ...facts("v0", "paragraphs of the Washington Post, passages of MS MARCO and paragraphs of TREC CAR"),
  resources: { WAPO: ofIr("gov.nist.trec.wapo.wapo.v2.passages"), MSMARCO, CAR },
  describe: (from) =>
    typed("PrefixedDocumentStore", {
      sources: [from.WAPO.value, from.MSMARCO.value, from.CAR.value],
      prefixes: ["WAPO_", "MARCO_", "CAR_"],
    }),
})

const v1 = defineDataset({
  ...facts("v1", "passages of MS MARCO and paragraphs of TREC CAR"),
  resources: { MSMARCO, CAR },
  describe: (from) =>
    typed("PrefixedDocumentStore", { sources: [from.MSMARCO.value, from.CAR.value], prefixes: ["MARCO_", "CAR_"] }),
})

/** Documents that are searched by passages: where these begin and end, and which documents are copies of others. */
const segmented = <F extends DescribedObject>(fields: F): F => typed("CastSegmentedPassageStore", fields)
const PREFIXES = ["MARCO_", "WAPO_", "KILT_"]

const offsets = (name: string, sum: string, size: number): FileResource =>
  file(`${OFFSETS}/${name}.chunks.jsonl.gz`, { name: `${name}.chunks.jsonl.gz`, integrity: md5(sum, "download"), size })
const published = (path: string, sum: string, size: number): FileResource =>
  file(path.includes("://") ? path : `${TRACK}/${path}`, { integrity: md5(sum), size })

const v2 = defineDataset({
  ...facts("v2", "documents of MS MARCO, the Washington Post and KILT, cut into passages"),
  resources: {
    MSMARCO: ofIr("com.microsoft.msmarco.document.documents"),
    WAPO,
    KILT,
    MSMARCO_OFFSETS: offsets("MARCO_v1", "b76c8d1e3b260764d573ce618a15525f", 190_998_420),
    WAPO_OFFSETS: offsets("WaPo-v2", "900c56039b4a3edd642983c4a1e13796", 43_654_392),
    KILT_OFFSETS: offsets("KILT-nodupes", "7bd9c844ea7d8ecc7a1236ef5c7d7722", 237_224_538),
    MSMARCO_DUPES: published(
      "2021/duplicate_files/marco_duplicates.txt",
      "549f721aec777b18f6538ddeabf6a8f3",
      131_116_975,
    ),
    WAPO_DUPES: published("2021/duplicate_files/wapo-near-duplicates", "23bacc7e03af656dc590fd6a5476bc83", 98_717_888),
  },
  describe: (from) =>
    typed("PrefixedDocumentStore", {
      sources: [
        segmented({
          base_store: from.MSMARCO.value,
          offsets_path: from.MSMARCO_OFFSETS,
          dupes_path: from.MSMARCO_DUPES,
        }),
        segmented({ base_store: from.WAPO.value, offsets_path: from.WAPO_OFFSETS, dupes_path: from.WAPO_DUPES }),
        segmented({ base_store: from.KILT.value, offsets_path: from.KILT_OFFSETS }),
      ],
      prefixes: PREFIXES,
    }),
})

const v3 = defineDataset({
  ...facts("v3", "documents of MS MARCO's second collection, the Washington Post and KILT, cut into passages"),
  resources: {
    MSMARCO: ofIr("com.microsoft.msmarco.documentv2.documents"),
    WAPO,
    KILT,
    MSMARCO_OFFSETS: offsets("MARCO_v2", "2f0bbe152b4645bff744892c5b53471f", 780_228_823),
    WAPO_OFFSETS: offsets("WaPo", "1dbed58d09aeaa6046c234d056ea703e", 42_785_199),
    KILT_OFFSETS: offsets("KILT", "290cc1a172b7fc29b5ce211a87ced098", 237_135_443),
    ALL_DUPES: published("2022/duplicate_files/all_duplicates.txt", "2d6cbb4a2e8733423434cfe561635c21", 21_506_576),
  },
  describe: (from) => {
    const dupes = { dupes_path: from.ALL_DUPES }
    return typed("PrefixedDocumentStore", {
      sources: [
        segmented({ base_store: from.MSMARCO.value, offsets_path: from.MSMARCO_OFFSETS, ...dupes }),
        segmented({ base_store: from.WAPO.value, offsets_path: from.WAPO_OFFSETS, ...dupes }),
        segmented({ base_store: from.KILT.value, offsets_path: from.KILT_OFFSETS, ...dupes }),
      ],
      prefixes: PREFIXES,
    })
  },
})

const year = (id: string, documents: string, topics: FileResource, qrels: FileResource) =>
  defineDataset({
    id: `${PREFIX}.${id}`,
    name: `TREC CaST ${id.replace(".", " ")}`,
    description: `TREC's Conversational Assistance Track of ${id.replace(".train", ", training part")}: conversations, what they are searched in, and which passages answer each turn.`,
    url: "https://www.treccast.ai/",
    tasks: ["adhoc retrieval", "conversational search"],
    resources: { DOCUMENTS: ofIr(`${PREFIX}.cast.${documents}.documents`), TOPICS: topics, QRELS: qrels },
    describe: ({ DOCUMENTS, TOPICS, QRELS }) =>
      adhoc({
        topics: typed("ConversationUserTopics", {
          conversations: typed("CastConversations", { path: TOPICS, year: Number(id.slice(0, 4)) }),
        }),
        assessments: assessments(QRELS),
        documents: DOCUMENTS.value,
      }),
  })

export const datasets = [
  v0,
  v1,
  v2,
  v3,
  year(
    "2019.train",
    "v0",
    published("2019/data/training/train_topics_v1.0.json", "2017389f5bbea04478574c6e84d65482", 32_800),
    published("2019/data/training/train_topics_mod.qrel", "84af27620dfc009f1f76a58e3d9d6c40", 80_964),
  ),
  year(
    "2019",
    "v1",
    published("2019/data/evaluation/evaluation_topics_v1.0.json", "362283885194feefcab8441d2bb24f7c", 57_204),
    published("https://trec.nist.gov/data/cast/2019qrels.txt", "aab238105020c4cd55fae60dedfa9f1e", 1_138_032),
  ),
  year(
    "2020",
    "v1",
    published("2020/2020_manual_evaluation_topics_v1.0.json", "98ae2be2c82e294895a83e76b4133e19", 78_998),
    published("https://trec.nist.gov/data/cast/2020qrels.txt", "de6a8406217945bdbf1da304214ef60c", 1_563_427),
  ),
  year(
    "2021",
    "v2",
    published("2021/2021_manual_evaluation_topics_v1.0.json", "eafb4d4c5b914baab02a71c474e4ecc4", 363_259),
    published("2021/trec-cast-qrels-docs.2021.qrel", "3393d7d2fbf8771511e3cf2448ad3dad", 507_214),
  ),
  year(
    "2022",
    "v3",
    published("2022/2022_evaluation_topics_tree_v1.0.json", "a2996adf88b3933816f65ad5536c7860", 252_600),
    published("https://trec.nist.gov/data/cast/2022-qrels.txt", "1d1ffe3d3a3a7fc64278ac7cc72b8bde", 1_435_510),
  ),
]
