/**
 * Rows of ours that hold on another condition than the guide's for the same place and element, by segment map. A test
 * compares all conditions; what differs stands here, and nothing else does.
 */
import type { Reasons } from './index.ts'

export const conditions: Reasons = {
  'OBR[ServiceRequest]': {
    'OBR-2 identifier':
      'the guide looks at ORC-2, another segment; the numbers of both are read, and one is not repeated',
    'OBR-3 identifier': 'as OBR-2, with ORC-3',
    'OBR-16 requester': 'the guide looks at ORC-12, another segment; who stands in it comes first',
  },
  'OBX[Observation]': {
    'OBX-15 performer': 'in v2.7 and later OBX-23 says the same better; the guide would name the laboratory twice',
  },
  'OBX[Observation-Component]': {
    'OBX-23 performer': 'as OBX[Observation]: beside OBX-25 it is the organisation of that role',
  },
  'ORC[ServiceRequest]': {
    'ORC-2 identifier':
      'the guide looks at OBR-2, another segment; the numbers of both are read, and one is not repeated',
    'ORC-3 identifier': 'as ORC-2, with OBR-3',
    'ORC-33 identifier': 'as ORC-2, with OBR-53',
    'ORC-4 identifier':
      'the guide asks for a second part, which an EI has as well (its namespace); the map looks for an EIP',
  },
  'PR1[Procedure]': {
    'PR1-5 performedDateTime':
      'the guide asks for PR1-5.5, which no time has; code makes a period of it where it has a time of day and PR1-7 is there',
  },
  'PRT[PractitionerRole]': {
    'PRT-15 telecom': 'the guide asks for PRT-23 to add an extension (preferred); the number is the same',
  },
  'SCH[Appointment]': {
    'SCH-7 reasonCode': 'senders rarely name the table: what is not of table 0277 is a reason',
    'SCH-8 appointmentType': 'senders rarely name the table: SCH-8 is the type by its name',
  },
}
