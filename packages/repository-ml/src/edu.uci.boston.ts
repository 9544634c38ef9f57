import { defineDataset, file, matrix } from "@datamaestro/dataset"

// The last commit's file before scikit-learn took the set out: its main branch no longer has it.
const COMMIT = "baf828ca126bcb2c0ad813226963621cafe38adb"

export const boston = defineDataset({
  id: "edu.uci.boston",
  name: "Boston Housing",
  description:
    "Median house values of 506 districts of Boston in the 1970s, with 13 attributes of each. One attribute was built on the assumption that segregation raises prices, and scikit-learn withdrew the set for that reason: use it to reproduce earlier work or to study such data.",
  resources: {
    data: file(
      `https://raw.githubusercontent.com/scikit-learn/scikit-learn/${COMMIT}/sklearn/datasets/data/boston_house_prices.csv`,
      { name: "data.csv" },
    ),
  },
  describe: ({ data }) => matrix(data, { namesRow: 0, ignore: 1, target: "MEDV" }),
})
