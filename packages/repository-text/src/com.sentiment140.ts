import { csv, defineDataset, md5, supervised, zip } from "@datamaestro/dataset"

export const english = defineDataset({
  id: "com.sentiment140.english",
  name: "Sentiment140",
  description:
    "1.6 million English tweets, labelled positive or negative by the emoticons that were removed from them, and a small test set labelled by hand. Latin-1 text without a header: polarity, id, date, query, user, text.",
  url: "http://help.sentiment140.com/for-students/",
  tags: ["english", "sentiment", "text"],
  tasks: ["sentiment analysis"],
  size: "228M",
  resources: {
    dir: zip(
      [
        "http://cs.stanford.edu/people/alecmgo/trainingandtestdata.zip",
        "https://zenodo.org/records/11116734/files/trainingandtestdata.zip?download=1",
      ],
      { integrity: md5("1647eb110dd2492512e27b9a70d5d1bc") },
    ),
  },
  describe: ({ dir }) =>
    supervised({
      train: csv(dir.join("training.1600000.processed.noemoticon.csv")),
      test: csv(dir.join("testdata.manual.2009.06.14.csv")),
    }),
})
