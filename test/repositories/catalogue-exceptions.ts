/** What of a dataset is not as the fact sheets say. */
export type Aspect = "agreement" | "details" | "resources" | "timestamp" | "url" | "urls" | "sums" | "type" | "value"

/** Hosts that the sheets name and that have turned the public away: the mirrors stand alone. */
export const RETIRED = ["https://msmarco.blob.core.windows.net/", "https://s3.amazonaws.com/research.metamind.io/"]

/** What differs wherever upstream makes a store of documents, or something of a store: here it is the documents. */
export const STORED: readonly Aspect[] = ["resources", "details", "value"]

/** What upstream has no id for. */
export const OURS_ALONE = ["org.beir.cqadupstack@ir"]

const homepage = "the sheet has none, and there is one"
const agreement = "the rest of the family asks for its agreement, and so must it"
const tar = "upstream only gunzips the archive, so that its table is really a tar: here the member is extracted"
const zip = "upstream hands out the archive as if it were the vectors: here the member is extracted"
const member = "upstream names a member that the archive does not have: here the one that ir_datasets names"
const wholeFile = "upstream looks for a member in what is a plain file"

const page = "upstream gives the archive as home page"
const LOTTE = ["lifestyle", "recreation", "science", "technology", "writing", "pooled"].flatMap((topic) =>
  ["dev.search", "dev.forum", "test.search", "test.forum"].map((part) => `edu.stanford.lotte.${topic}.${part}`),
)

/** Where ours differs on purpose, and why; docs/catalogue.md tells the same to people. */
export const EXCEPTIONS: Readonly<Record<string, Partial<Record<Aspect, string>>>> = {
  ...Object.fromEntries(LOTTE.map((id) => [id, { url: page }])),
  "gov.nist.trec.car.documents": { url: page },
  "co.huggingface.datasets.sentence-transformers.msmarco-hard-negatives.ensemble": {
    value: "upstream leaves the file to its reader: here it is fetched, and the value says where it is",
  },
  "com.github.ikat.2023": { value: "the qrels are downloaded upstream and then forgotten: here they are a part" },
  "com.github.ikat.2024": { value: "the qrels are downloaded upstream and then forgotten: here they are a part" },
  "com.github.sebastian-hofstaetter.neural-ranking-kd.msmarco_ensemble_teacher": {
    resources: "the older id of a set refers to the newer one: the file is kept once",
    value: "the same",
  },
  "com.github.sebastian-hofstaetter.neural-ranking-kd.msmarco_bert_teacher": {
    resources: "the older id of a set refers to the newer one: the file is kept once",
    value: "the same",
  },
  "ai.lighton.embeddings_pre_training": { value: "the sheet describes what depends on the variant in words" },
  "ai.lighton.embeddings_pre_training.denseon_lateon": {
    value: "the sheet describes what depends on the variant in words",
  },
  "com.lecun.mnist": { sums: "the sums of what is decompressed suffice: mirrors compress it in their own ways" },
  "com.microsoft.msmarco.passage.dev.run": { value: member },
  "com.microsoft.msmarco.passage.eval.withrun": { value: member },
  "com.microsoft.msmarco.passage.train.run": { value: member },
  "com.microsoft.msmarco.passage.train.triples.id": { agreement },
  "com.microsoft.msmarco.passage.train.triples.small.text": { agreement, resources: tar, value: tar },
  "com.microsoft.msmarco.passage.trec2019.run": { value: wholeFile },
  "com.microsoft.msmarco.passage.trec2020.run": { value: wholeFile },
  "com.microsoft.msmarco.passage.train.idtriples": { agreement },
  "com.microsoft.msmarco.passage.train.texttriples.small": { agreement, resources: tar, value: tar },
  "com.microsoft.msmarco.passage.train.texttriple.full": {
    agreement,
    urls: "Microsoft's list has this size and sum beside a .tsv.gz: there is no such tar",
  },
  "com.microsoft.msmarco.passage.dev.small.queries": { agreement },
  "com.microsoft.msmarco.passage.dev.small.qrels": { agreement },
  "com.microsoft.msmarco.passage.trec2019.test.run": { value: wholeFile },
  "com.microsoft.msmarco.passage.trec2019.test.withrun": { value: wholeFile },
  "com.microsoft.msmarco.passage.trec2020.test.run": { value: wholeFile },
  "edu.stanford.glove.6b": { type: "it is a folder of vectors, not a file of them", url: homepage },
  "edu.stanford.glove.6b.50": { url: homepage },
  "edu.stanford.glove.6b.100": { url: homepage },
  "edu.stanford.glove.6b.200": { url: homepage },
  "edu.stanford.glove.6b.300": { url: homepage, value: "upstream points at the vectors of 200 dimensions" },
  "edu.stanford.glove.42b": { url: homepage, resources: zip, value: zip },
  "edu.stanford.glove.840b": { url: homepage, resources: zip, value: zip },
  "edu.uci.boston": { urls: "the main branch no longer has the file: the commit before it went is used" },
  "fr.granddebat.démocratie": { sums: "the sum is of how Python writes JSON" },
  "fr.granddebat.organisation": { sums: "the sum is of how Python writes JSON" },
  "gov.nist.trec.adhoc.1.assessments": { details: "the replacement is meant for topics and changes nothing in qrels" },
  "gov.nist.trec.adhoc.2.assessments": { details: "the replacement is meant for topics and changes nothing in qrels" },
  "gov.nist.trec.adhoc.5.documents": {
    resources: "the link to wsj92 is called wsj9 upstream",
    details: "the same",
  },
  "gov.nist.ir.covid.cord19.round5": { agreement: "its documents need it" },
  "org.cocodataset.2017-unlabelled": { urls: "COCO itself spells it with one l" },
  "org.universaldependencies.french.gsd": {
    timestamp: "the address is that of a moving branch",
    value: "upstream swaps the validation and the test set",
  },
  "org.visualgenome.annotations": {
    resources: "the archives are extracted: upstream keeps eight .json.zip files",
  },
}
