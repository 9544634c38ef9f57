import { defineDataset, file, md5, rawFile, supervised } from "@datamaestro/dataset"

const BASE = "https://github.com/thunlp/FewRel/raw/master/data"

export const v1 = defineDataset({
  id: "io.github.thunlp.fewrel.v1",
  name: "FewRel 1.0",
  description:
    "Sentences of Wikipedia with two entities marked, 700 for each of 80 relations between such, to learn to recognise a relation from few examples. The relations of the validation set do not occur in the training set.",
  url: "https://thunlp.github.io/1/fewrel1.html",
  tags: ["unsupervised"],
  tasks: ["information extraction"],
  resources: {
    TRAIN: file(`${BASE}/train_wiki.json`, {
      name: "train.json",
      integrity: md5("5e663e9c3f1bfbdb2de72696e9504fd7"),
    }),
    VALIDATION: file(`${BASE}/val_wiki.json`, {
      name: "validation.json",
      integrity: md5("3f25573428c0332cb64b367a275ab0c7"),
    }),
  },
  describe: ({ TRAIN, VALIDATION }) => supervised({ train: rawFile(TRAIN), validation: rawFile(VALIDATION) }),
})
