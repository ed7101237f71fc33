/** The guide's rows of visits and of MRG that are not rows of ours. */
import type { Reasons } from './index.ts'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'MRG[Account]': {
    'MRG status':
      'maps/messages/moves.ts: inactive, or entered-in-error after A44; unknown, as the guide has it, says less',
  },
  'MSH[Encounter]': {
    'MSH-9 status':
      'tables/adt-events.ts: for every event; A04 (planned in the guide) and A08 (unknown) say less than PV1-2',
  },
  'PV1[Encounter]': {
    'PV1-45 status': 'maps/segments/encounter.ts: finished',
    'PV1-54 episodeOfCare': 'maps/messages/people.ts: EpisodeOfCare has to know its patient',
  },
}

const planned = 'an extension of R5; extensions are sealed whole, and whoever needs the time must unseal the resource'

/** Not translated. */
export const leftOut: Reasons = {
  'PV1[Encounter]': {
    'PV1-40 location': 'the status of a bed, not of the visit; a Location of ours is only named',
    'PV1-53 episodeOfCare': 'an extension; an EpisodeOfCare of ours is only named (PV1-54)',
  },
  'PV2[Encounter]': {
    'PV2-8 extension': planned,
    'PV2-9 extension': planned,
    'PV2-12 text': 'a narrative tells a resource whole; one free text is none',
    'PV2-38 extension': 'an extension; how somebody came changes nothing of the care, and PV1-14 says from where',
  },
}

/** Rows of ours that the guide does not have. */
export const beyond: Reasons = {
  'PV1[Encounter]': {
    'PV1-43 location':
      'the guide puts it into a Basic; a place where the patient was for a while is a place of the visit',
  },
}
