import { defineDataset, file, md5, reference, typed, type SymbolicPath } from "@datamaestro/dataset"

const FACTS = {
  url: "https://github.com/sebastian-hofstaetter/neural-ranking-kd",
  tags: ["distillation", "pairwise"],
  tasks: ["learning to rank"],
}

const scores = (path: SymbolicPath) =>
  typed("PairwiseDistillationSamplesTSV", { path, with_docid: true, with_queryid: true })

function teacher(name: string, who: string, published: string, sum: string) {
  return defineDataset({
    ...FACTS,
    id: `com.github.hofstaetter.distillation.msmarco.${name}.teacher`,
    name: `Neural ranking KD: ${name} teacher scores`,
    description: `How well ${who} finds that a relevant and another passage answer a training query of MS MARCO, for pairs to distil a smaller model from: two scores, query id and two passage ids a line.`,
    resources: {
      SCORES: file(`https://zenodo.org/record/4068216/files/${published}?download=1`, {
        name: published,
        integrity: md5(sum),
      }),
    },
    describe: ({ SCORES }) => scores(SCORES),
  })
}

const ensemble = teacher(
  "ensemble",
  "an ensemble of BERT_CAT models",
  "bert_cat_ensemble_msmarcopassage_train_scores_ids.tsv",
  "4d99696386f96a7f1631076bcc53ac3c",
)
const bert = teacher(
  "bert",
  "a BERT_CAT model of base size",
  "bertbase_cat_msmarcopassage_train_scores_ids.tsv",
  "a2575af08a19b47c2041e67c9efcd917",
)

/** The ids that these sets had first: they lead to the same files. */
const older = (name: string, set: typeof ensemble) =>
  defineDataset({
    ...FACTS,
    id: `com.github.sebastian-hofstaetter.neural-ranking-kd.msmarco_${name}_teacher`,
    name: `${set.name ?? ""} (older id)`,
    description: `An older id of ${set.id}, whose file it shares.`,
    resources: { scores: reference(set) },
    describe: ({ scores: shared }) => shared.value,
  })

export const datasets = [ensemble, bert, older("ensemble", ensemble), older("bert", bert)]
