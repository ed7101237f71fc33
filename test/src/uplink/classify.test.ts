import { KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { classify } from '../../../src/uplink/classify.ts'

const error = (facts: object) => Object.assign(new Error('text'), facts)
const protocol = (type: string, code: number) => new KafkaJSProtocolError(error({ type, code }))
const final = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause), { cause })
const retried = (cause: Error) => new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 1 })

describe('the meaning of an error', () => {
  test.each([
    [protocol('MESSAGE_TOO_LARGE', 10), 'record', 'E_UPLINK_REJECTED'],
    [protocol('UNKNOWN', 87), 'record', 'E_UPLINK_REJECTED'],
    [retried(protocol('UNKNOWN_TOPIC_OR_PARTITION', 3)), 'again', 'E_UPLINK_CONFIG'],
    [final(protocol('TOPIC_AUTHORIZATION_FAILED', 29)), 'again', 'E_UPLINK_AUTH'],
    [error({ name: 'KafkaJSSASLAuthenticationError' }), 'again', 'E_UPLINK_AUTH'],
    [protocol('UNSUPPORTED_SASL_MECHANISM', 33), 'again', 'E_UPLINK_AUTH'],
    [
      error({ name: 'KafkaJSConnectionError', code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }),
      'again',
      'E_UPLINK_AUTH',
    ],
    [retried(error({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })), 'again', 'E_UPLINK_CONFIG'],
    [error({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'again', 'E_UPLINK_CONFIG'],
    [error({ name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' }), 'again', 'E_UPLINK_DOWN'],
    [protocol('NOT_ENOUGH_REPLICAS', 19), 'again', 'E_UPLINK_DOWN'],
    [error({ errors: [protocol('CLUSTER_AUTHORIZATION_FAILED', 31)] }), 'again', 'E_UPLINK_AUTH'],
    [new GatewayError('E_UPLINK_CLUSTER'), 'again', 'E_UPLINK_CLUSTER'],
    ['a string', 'again', 'E_UPLINK_DOWN'],
  ])('%#: is read from the innermost cause', (error, kind, code) => {
    expect(classify(error)).toMatchObject({ kind, code })
  })
})
