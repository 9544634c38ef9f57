import { defineDataset, supervised, typed, zip, type SymbolicPath } from "@datamaestro/dataset"

const conllu = (path: SymbolicPath): { path: SymbolicPath } => typed("CoNLL_U", { path })

export const frenchGsd = defineDataset({
  id: "org.universaldependencies.french.gsd",
  name: "UD French-GSD",
  description:
    "French sentences of the web with lemmas, parts of speech and dependencies, 16 000 of them, in the CoNLL-U format. Its keepers go on mending it, so the day of the download matters.",
  url: "https://github.com/UniversalDependencies/UD_French-GSD",
  timestamp: true,
  resources: { ds: zip("https://codeload.github.com/UniversalDependencies/UD_French-GSD/zip/master") },
  describe: ({ ds }) =>
    supervised({
      train: conllu(ds.join("fr_gsd-ud-train.conllu")),
      validation: conllu(ds.join("fr_gsd-ud-dev.conllu")),
      test: conllu(ds.join("fr_gsd-ud-test.conllu")),
    }),
})
