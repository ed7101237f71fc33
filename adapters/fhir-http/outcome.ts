/** Answers in FHIR's own words: every reply of this source is an OperationOutcome with fixed texts and places, never a value. */
import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4.js'
import { type ErrorClass, errorRow } from '../../src/errors.ts'
import type { Code, Issue, Verdict } from '../../src/records.ts'

/** What the source writes: status, header fields, body. */
export type Reply = Readonly<{ status: number; headers: Readonly<Record<string, string>>; body: OperationOutcome }>

type IssueType = OperationOutcomeIssue['code']

/** Value set issue-type, by class of error. */
const issueTypes: Readonly<Record<ErrorClass, IssueType>> = {
  content: 'invalid',
  syntax: 'structure',
  unsupported: 'not-supported',
  access: 'forbidden',
  held: 'business-rule',
  later: 'transient',
  note: 'informational',
  operator: 'exception',
}

/** Codes for which issue-type has a better word than their class. */
const specialTypes: Readonly<Partial<Record<Code, IssueType>>> = {
  E_TOKEN: 'login',
  E_NOT_FOUND: 'not-found',
  E_BODY_TOO_LARGE: 'too-long',
  E_RECORD_TOO_LARGE: 'too-long',
  E_FIELD_MISSING: 'required',
  E_VALUE_RANGE: 'value',
  E_CODE: 'code-invalid',
}

/** When to come again after `later`, in seconds: a full box needs longer than a busy one. */
const retryAfter: Readonly<Partial<Record<Code, number>>> = { E_FULL: 60, E_STOPPING: 10 }

const receiptHeader = 'Receipt'

/** The reply to a verdict of the intake. */
export function replyTo(verdict: Verdict): Reply {
  switch (verdict.kind) {
    case 'kept':
      return accepted(verdict.receipt, verdict.issues)
    case 'held':
      return accepted(verdict.receipt, verdict.issues)
    case 'same':
      return accepted(verdict.receipt, [])
    case 'never':
      return refusal(verdict.issues)
    case 'later':
      return refusal([{ code: verdict.code, at: '' }])
  }
}

/** A refusal: the first finding decides the status. Takes at least one finding. */
export function refusal(issues: readonly Issue[], headers: Readonly<Record<string, string>> = {}): Reply {
  const { code } = issues[0]!
  const row = errorRow(code)
  const later = row.class === 'later' ? { 'Retry-After': String(retryAfter[code] ?? 1) } : {}
  const body = outcomeOf(issues.map(issue => describe(issue, 'error')))
  return { status: row.http ?? 422, headers: { ...later, ...headers }, body }
}

/** "It is ours, and on disk." Never a Location, never a pseudonym: that would tell anybody's pseudonym to who knows a number. */
function accepted(receipt: string, issues: readonly Issue[]): Reply {
  const taken: OperationOutcomeIssue = {
    severity: 'information',
    code: 'informational',
    details: { text: 'the message is stored and will be forwarded or looked after by a person' },
  }
  const notes = issues.map(issue => describe(issue, errorRow(issue.code).class === 'held' ? 'warning' : 'information'))
  return { status: 202, headers: { [receiptHeader]: receipt }, body: outcomeOf([taken, ...notes]) }
}

function outcomeOf(issue: OperationOutcomeIssue[]): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue }
}

/** The code and place stand in `diagnostics`; `expression` repeats a place that is FHIRPath. */
function describe({ code, at }: Issue, severity: OperationOutcomeIssue['severity']): OperationOutcomeIssue {
  const row = errorRow(code)
  return {
    severity,
    code: specialTypes[code] ?? issueTypes[row.class],
    details: { text: row.text },
    diagnostics: at ? `${code} at ${at}` : code,
    ...(/^[A-Z][A-Za-z0-9.[\]]*$/.test(at) ? { expression: [at] } : {}),
  }
}
