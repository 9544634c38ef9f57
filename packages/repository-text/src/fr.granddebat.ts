import { defineDataset, file, jsonLines, typed } from "@datamaestro/dataset"

const HOST = "http://opendata.auth-6f31f706db6f4a24b55f42a6a79c5086.storage.sbg.cloud.ovh.net/2019-03-21"

/** The answers to one of the questionnaires. No sums: those that are known are of how Python writes JSON. */
function debate(id: string, name: string, about: string, published: string, saved: string) {
  return defineDataset({
    id: `fr.granddebat.${id}`,
    name: `Grand Débat: ${name}`,
    description: `What people in France wrote ${about} in the national debate of 2019, on its web site: French, a JSON object a contribution, one a line; the state of 21 March 2019.`,
    url: "https://granddebat.fr",
    tags: ["debate", "french", "politics"],
    resources: {
      FILE: file(`${HOST}/${published}.json`, { name: `${saved}_2019_03_21.jsonl`, transforms: [jsonLines()] }),
    },
    describe: ({ FILE }) => typed("GrandDebatFile", { path: FILE }),
  })
}

export const datasets = [
  debate(
    "transition",
    "écologie",
    "about the ecological transition",
    "LA_TRANSITION_ECOLOGIQUE",
    "la_transition_ecologique",
  ),
  debate(
    "fiscalité",
    "fiscalité",
    "about taxes and public spending",
    "LA_FISCALITE_ET_LES_DEPENSES_PUBLIQUES",
    "fiscalité_et_dépenses_publiques",
  ),
  debate(
    "démocratie",
    "démocratie",
    "about democracy and citizenship",
    "DEMOCRATIE_ET_CITOYENNETE",
    "democratie_et_citoyennete",
  ),
  debate(
    "organisation",
    "organisation de l'État",
    "about how the state and its services are organised",
    "ORGANISATION_DE_LETAT_ET_DES_SERVICES_PUBLICS",
    "organisation_etat_services_publics",
  ),
  defineDataset({
    ...debate("evenements", "événements", "", "LES_EVENEMENTS", "les_evenements"),
    id: "fr.granddebat.evenements",
    description:
      "The meetings of the national debate of 2019 in France: where and when, and what they were about; French, a JSON object a meeting, one a line; the state of 21 March 2019.",
  }),
]
