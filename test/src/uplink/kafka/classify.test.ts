import { KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/errors.ts'
import { causeOf, causes } from '../../../../src/uplink/kafka/causes.ts'
import { classify, isVague, trouble, uplinkError } from '../../../../src/uplink/kafka/classify.ts'

const error = (facts: object) => Object.assign(new Error('text'), facts)
const protocol = (type: string, code: number) => new KafkaJSProtocolError(error({ type, code }))
const final = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause), { cause })
const retried = (cause: Error) => new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 1 })

describe('the meaning of an error', () => {
  test.each([
    [protocol('MESSAGE_TOO_LARGE', 10), 'record', 'E_UPLINK_REJECTED', 'MESSAGE_TOO_LARGE'],
    [protocol('INVALID_RECORD', 87), 'record', 'E_UPLINK_REJECTED', 'INVALID_RECORD'],
    [retried(protocol('UNKNOWN_TOPIC_OR_PARTITION', 3)), 'config', 'E_UPLINK_CONFIG', 'UNKNOWN_TOPIC_OR_PARTITION'],
    [final(protocol('TOPIC_AUTHORIZATION_FAILED', 29)), 'auth', 'E_UPLINK_AUTH', 'TOPIC_AUTHORIZATION_FAILED'],
    [error({ name: 'KafkaJSSASLAuthenticationError' }), 'auth', 'E_UPLINK_AUTH', 'SASL_AUTHENTICATION_FAILED'],
    [protocol('UNSUPPORTED_SASL_MECHANISM', 33), 'config', 'E_UPLINK_CONFIG', 'UNSUPPORTED_SASL_MECHANISM'],
    [
      error({ name: 'KafkaJSConnectionError', code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }),
      'auth',
      'E_UPLINK_AUTH',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    ],
    [
      retried(error({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })),
      'config',
      'E_UPLINK_CONFIG',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [error({ name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' }), 'transient', 'E_UPLINK_DOWN', 'ECONNREFUSED'],
    [protocol('NOT_ENOUGH_REPLICAS', 19), 'transient', 'E_UPLINK_DOWN', 'NOT_ENOUGH_REPLICAS'],
    [
      error({ errors: [protocol('CLUSTER_AUTHORIZATION_FAILED', 31)] }),
      'auth',
      'E_UPLINK_AUTH',
      'CLUSTER_AUTHORIZATION_FAILED',
    ],
    [error({ name: 'KafkaJSConnectionClosedError' }), 'transient', 'E_UPLINK_DOWN', 'CONNECTION_CLOSED'],
    [protocol('SOMETHING_NEW', 999), 'transient', 'E_UPLINK_DOWN', 'SOMETHING_NEW'],
    [new GatewayError('E_UPLINK_CLUSTER'), 'config', 'E_UPLINK_CLUSTER', 'E_UPLINK_CLUSTER'],
    [trouble('NO_SUCH_TOPIC', 't'), 'config', 'E_UPLINK_CONFIG', 'NO_SUCH_TOPIC'],
    [trouble('KEY_MISMATCH', 'tls.key'), 'config', 'E_UPLINK_CONFIG', 'KEY_MISMATCH'],
    ['a string', 'transient', 'E_UPLINK_DOWN', 'UNKNOWN'],
  ])('%#: is read from the innermost cause', (error, kind, code, cause) => {
    expect(classify(error)).toMatchObject({ kind, code, cause })
  })

  test('a text never gets in, only a symbol', () => {
    expect(classify(error({ code: 'Müller has no rights' })).cause).toBe('UNKNOWN')
    expect(JSON.stringify(uplinkError(final(protocol('NOT_ENOUGH_REPLICAS', 19)), 't'))).not.toContain('text')
  })

  test('a login is tried again after half a minute, rights at once: they are given back live', () => {
    expect(classify(protocol('SASL_AUTHENTICATION_FAILED', 58)).waitMs).toBe(30_000)
    expect(classify(protocol('TOPIC_AUTHORIZATION_FAILED', 29)).waitMs).toBeLessThanOrEqual(4000)
    expect(classify(error({ code: 'ECONNRESET' })).waitMs).toBeLessThanOrEqual(4000)
  })

  test('the place is the innermost one that is known', () => {
    expect(uplinkError(retried(trouble('ENOENT', 'tls.ca')), 'cloud').at).toBe('tls.ca')
    expect(uplinkError(new GatewayError('E_UPLINK_DOUBTFUL', 'n.fhir'), 'cloud').at).toBe('n.fhir')
    expect(uplinkError(error({ code: 'ECONNRESET' }), 'cloud').at).toBe('cloud')
  })

  test('an error that says no more than that it ended is known as such', () => {
    expect(isVague(retried(error({ name: 'KafkaJSBrokerNotFound' })))).toBe(true)
    expect(isVague(error({ code: 'ENOTFOUND' }))).toBe(false)
  })
})

test('every cause has its row to itself: none is hidden behind an earlier one', () => {
  for (const row of causes) {
    const symbol = row.named.split(', ')[0]!.replaceAll('`', '').replaceAll('*', 'X')
    expect(causeOf(symbol), symbol).toBe(row)
  }
})
