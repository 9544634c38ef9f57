import { defineDataset, folder, zip } from "@datamaestro/dataset"

export const facedb = defineDataset({
  id: "uk.ac.cam.cl.facedb",
  name: "ORL Database of Faces",
  description:
    "Ten pictures each of the faces of 40 people, taken at the Olivetti laboratory in Cambridge from 1992 to 1994: 92 by 112 pixels in shades of grey, a folder a person.",
  url: "https://www.cl.cam.ac.uk/research/dtg/attarchive/facedatabase.html",
  tags: ["Faces"],
  size: "4.5M",
  resources: { data: zip("http://www.cl.cam.ac.uk/Research/DTG/attarchive/pub/data/att_faces.zip") },
  describe: ({ data }) => folder(data),
})
