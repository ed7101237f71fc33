/**
 * A real broker that wants to be convinced: listeners with TLS, client certificates and logins, a bad certificate each for
 * the ways in which a certificate can be bad, and Kafka's own authorizer. Its plain listener stays for the test's admin.
 */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type LocalKafka, startKafka } from '../../scripts/kafka/local.ts'
import { takesOrders } from './authorizer.ts'
import { type Certificate, makeAuthority } from './certificates.ts'

/** The logins that the broker knows. `stranger` has no rights on any topic. */
export const users = { box: 'right-horse', stranger: 'right-mule' } as const

const listeners = {
  /** TLS and a login by any mechanism. */
  secure: 'SASL_SSL',
  /** TLS without login. */
  tls: 'SSL',
  /** TLS with a client certificate. */
  mutual: 'SSL',
  expired: 'SSL',
  /** Its certificate has only the name `localhost`, and the cluster calls it by its number. */
  half: 'SSL',
  elsewhere: 'SSL',
  /** A login without TLS. */
  login: 'SASL_PLAINTEXT',
  /** TLS and a login that holds for three seconds. */
  brief: 'SASL_SSL',
} as const

export type Listener = keyof typeof listeners

export type SecureKafka = Readonly<{
  kafka: LocalKafka
  /** `127.0.0.1:port` by listener. */
  at: Readonly<Record<Listener, string>>
  ca: string
  client: Certificate
  locked: Certificate & { passphrase: string }
  issue: ReturnType<typeof makeAuthority>['issue']
  /** Writes a file beside the certificates; returns its path. */
  file: (name: string, text: string) => string
}>

/** Starts it. `properties` as of startKafka. */
export async function startSecureKafka(properties: Readonly<Record<string, string>> = {}): Promise<SecureKafka> {
  const authority = makeAuthority('Test CA')
  const [plain, controller, ...ports] = await freePorts(2 + Object.keys(listeners).length)
  const names = Object.keys(listeners) as Listener[]
  const ends = names.map((name, i) => `${name.toUpperCase()}://127.0.0.1:${ports[i]}`).join(',')
  const protocols = names.map(name => `${name.toUpperCase()}:${listeners[name]}`).join(',')
  const kafka = await startKafka({
    port: plain!,
    properties: {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},${ends}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},${ends}`,
      'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,${protocols}`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:box;User:CN=box',
      'ssl.keystore.type': 'PEM',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.ca,
      'ssl.keystore.location': authority.issue('broker', { names: 'IP:127.0.0.1,DNS:localhost,DNS:kafka.example' })
        .both,
      'listener.name.expired.ssl.keystore.location': authority.issue('late', { expired: true }).both,
      'listener.name.elsewhere.ssl.keystore.location': authority.issue('far', { names: 'DNS:far.example' }).both,
      'listener.name.half.ssl.keystore.location': authority.issue('half', { names: 'DNS:localhost' }).both,
      'listener.name.mutual.ssl.client.auth': 'required',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...logins('secure'),
      ...logins('login'),
      ...logins('brief'),
      ...Object.fromEntries(
        ['plain', 'scram-sha-512', 'oauthbearer'].map(name => [
          `listener.name.brief.${name}.connections.max.reauth.ms`,
          '3000',
        ]),
      ),
      'listener.name.login.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      ...properties,
    },
    scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(mechanism => `${mechanism}=[name=box,password=${users.box}]`),
  })
  await takesOrders([kafka.bootstrap])
  return {
    kafka,
    at: Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`])) as Record<Listener, string>,
    ca: authority.ca,
    client: authority.issue('box'),
    locked: { ...authority.issue('box', { passphrase: 'open-sesame' }), passphrase: 'open-sesame' },
    issue: authority.issue,
    file: (name, text) => {
      const path = join(dirname(authority.ca), name)
      writeFileSync(path, text)
      return path
    },
  }
}

/** Tokens are taken unsigned (`alg: none`), Kafka's own default for trying out: what is tested is the way to them. */
function logins(listener: Listener): Record<string, string> {
  const security = 'org.apache.kafka.common.security'
  const known = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const scram = `${security}.scram.ScramLoginModule required;`
  const modules = {
    plain: `${security}.plain.PlainLoginModule required ${known.join(' ')};`,
    'scram-sha-256': scram,
    'scram-sha-512': scram,
    oauthbearer: `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  }
  const unsecured = `${security}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
  return {
    ...Object.fromEntries(
      Object.entries(modules).map(([name, text]) => [`listener.name.${listener}.${name}.sasl.jaas.config`, text]),
    ),
    [`listener.name.${listener}.oauthbearer.sasl.server.callback.handler.class`]: unsecured,
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
