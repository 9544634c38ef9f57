import { each, under, words } from "./names.ts"

const NANO_BEIR = words(`
  arguana climate-fever dbpedia-entity fever fiqa hotpotqa msmarco nfcorpus nq quora scidocs scifact webis-touche2020
`)
const FORUMS = words("lifestyle recreation science technology writing pooled")

/** What these ids stand for is a store that code of the Python packages makes of documents, or is made of such a store. */
const STORES = [
  ...under("co.huggingface.nano-beir", [...NANO_BEIR, ...each(NANO_BEIR, ["documents"])]),
  "com.microsoft.msmarco.document.documents",
  "com.microsoft.msmarco.documentv2.documents",
  ...under(
    "com.microsoft.msmarco.passage",
    `documents dev.judged trec2019 trec2019.withrun trec2019.judged trec2020 trec2020.withrun trec2020.judged
     trec.dl.hard`,
  ),
  ...under("com.microsoft.msmarco.passagev2", [
    "passages",
    ...words("train dev1 dev2 trec2021 trec2022 trec2023").flatMap((part) => [part, `${part}.withrun`]),
  ]),
  ...under("edu.stanford.lotte", ["lotte.data", ...each(each(FORUMS, ["dev", "test"]), ["search", "forum"])]),
  "edu.upenn.ldc.aquaint.store",
  ...under("gov.nist.trec.adhoc", [
    ...each(words("1 4 5 6 7"), ["documents.store"]),
    ...each(words("1 2 3 4 5 6 7 8 robust.2004 robust.2005"), ["withstore"]),
  ]),
  "gov.nist.trec.car.documents",
  ...under("gov.nist.trec.cast", "2019.train 2019 2020 2021 2022"),
  ...under("gov.nist.trec.cast.cast", "v0.documents v1.documents v2.documents v3.documents"),
  ...under("gov.nist.trec.wapo.wapo", "v2.documents v2.passages v4.documents"),
  ...under("org.beir", "trec.covid nq arguana webis.touche2020 webis.touche2020.v2 climate.fever scidocs"),
  ...under("org.beir", each(words("nfcorpus hotpotqa fiqa fever"), words("collection train dev test"))),
  ...under("org.beir", each(words("quora dbpedia.entity"), words("collection dev test"))),
  ...under("org.beir", each(["scifact"], words("collection train test"))),
  ...under(
    "org.beir.cqadupstack",
    "android english gaming gis mathematica physics programmers stats tex unix webmasters wordpress",
  ),
  "org.facebook.kilt.documents",
]

/** Ids of Python's `ir` that this one doesn't have, by the reason. */
export const ABSENT = {
  "its documents are kept in a store that only code of Python datamaestro makes and reads": STORES,
}
