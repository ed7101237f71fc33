/**
 * A connection through an HTTP proxy (CONNECT, RFC 9110 §9.3.6): a stream that behaves like the socket behind it once the
 * proxy has let it through. The proxy looks up the name.
 */
import { connect, isIPv6, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { KiB } from '../../limits.ts'
import { coded } from '../kafka/coded.ts'
import type { HttpProxy } from './credentials.ts'

const headBytes = 16 * KiB
const headEnd = '\r\n\r\n'

/**
 * Opens a tunnel to `host:port`; `opened` is called once it is there. It ends with an Error whose `code` is `PROXY_` and
 * the proxy's status, `PROXY_NO_HTTP` where its answer is not HTTP, `PROXY_SILENT` where none came until the tunnel was given
 * up, or the system's code, which begins with `PROXY_` too where the proxy is not reached. How long it may take is the
 * caller's affair: it destroys the stream.
 */
export function tunnel(proxy: HttpProxy, host: string, port: number, opened: () => void = () => {}): Tunnel {
  return new Tunnel(proxy, addressText(host, port), opened)
}

/** `host:port`, `[host]:port` where the host is an IPv6 address. */
export function addressText(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

export class Tunnel extends Duplex {
  readonly #socket: Socket
  readonly #open: Promise<void>
  #isOpen = false

  constructor(proxy: HttpProxy, target: string, opened: () => void) {
    super({ allowHalfOpen: false })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#open = promise
    const unreached = ({ code }: NodeJS.ErrnoException) => this.destroy(coded(`PROXY_${code}`))
    this.#socket = connect({ host: proxy.host, port: proxy.port }, () => {
      this.#socket.off('error', unreached).on('error', error => this.destroy(error))
      this.#socket.write(request(proxy, target))
    })
    this.#socket.on('error', unreached)
    // after a proper end what was received may still wait to be read
    this.#socket.on('close', () => this.#socket.readableEnded || this.destroy())
    this.#readHead(() => {
      this.#isOpen = true
      resolve()
      opened()
    })
  }

  setKeepAlive(on: boolean, ms: number): this {
    this.#socket.setKeepAlive(on, ms)
    return this
  }

  setNoDelay(on?: boolean): this {
    this.#socket.setNoDelay(on)
    return this
  }

  unref(): this {
    this.#socket.unref()
    return this
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#open.then(() => this.#socket.write(chunk, done))
  }

  /** What is written goes first; so where it is not open by now, nothing is to be said and it is given up. */
  override _final(done: () => void): void {
    if (this.#isOpen) this.#socket.end(done)
    else this.destroy(coded('PROXY_SILENT'))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  #readHead(opened: () => void): void {
    let head = Buffer.alloc(0)
    const ended = () => this.destroy(coded('PROXY_CLOSED'))
    const read = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf(headEnd)
      if (end < 0 && head.length < headBytes) return
      const code = end < 0 ? 'PROXY_NO_HTTP' : refusal(head.toString('latin1', 0, end))
      if (code) return void this.destroy(coded(code))
      this.#socket.off('data', read).off('end', ended)
      this.#forward(head.subarray(end + headEnd.length))
      opened()
    }
    this.#socket.on('data', read).on('end', ended)
  }

  #forward(first: Buffer): void {
    const push = (chunk: Buffer) => {
      if (!this.push(chunk)) this.#socket.pause()
    }
    this.#socket.on('data', push).on('end', () => this.push(null))
    if (first.length > 0) push(first)
  }
}

function request({ authorization }: HttpProxy, target: string): string {
  const login = authorization ? [`Proxy-Authorization: ${authorization}`] : []
  return [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, ...login, '', ''].join('\r\n')
}

/** The symbol of a refusal; null for any 2xx. */
function refusal(head: string): string | null {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1]
  if (!status) return 'PROXY_NO_HTTP'
  return status.startsWith('2') ? null : `PROXY_${status}`
}
