// Calls the grid of ../grid.py: node client.js ADDRESS CA_FILE TOKEN_FILE
import { readFileSync } from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { NDArray, fromValue, toValue } from './values.js'

export const protos = loadSync(['chariot/v1/object_service.proto', 'google/rpc/status.proto'], {
  includeDirs: [fileURLToPath(new URL('protos', import.meta.url))],
  longs: String, enums: String, defaults: true, oneofs: true, // as values.js wants them
})
const { ObjectService } = grpc.loadPackageDefinition(protos).chariot.v1

export class Grid {
  constructor(address, authority, token) {
    let secure = grpc.credentials.createSsl(readFileSync(authority))
    if (token) {
      const metadata = new grpc.Metadata()
      metadata.set('authorization', `Bearer ${token}`)
      const bearer = grpc.credentials.createFromMetadataGenerator((_, done) => done(null, metadata))
      secure = grpc.credentials.combineChannelCredentials(secure, bearer)
    }
    this.service = new ObjectService(address, secure)
  }

  // A unary method of the service. An AbortSignal cancels it.
  ask(method, request, { signal, ...options } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const settle = (error, response) => (error ? reject(error) : resolve(response))
      const begun = this.service[method](request, options, settle)
      signal?.addEventListener('abort', () => begun.cancel(), { once: true })
    })
  }

  // A method of one cell; what it returns.
  async call(index, method, args = [], options = {}) {
    const target = { name: 'grid', index }
    const { result } = await this.ask('call', { target, method, arguments: positional(args) }, options)
    return fromValue(result)
  }

  // A method of all cells; their results in order.
  async broadcast(method, args = [], options = {}) {
    const target = { name: 'grid' }
    const { results } = await this.ask('broadcast', { target, method, arguments: positional(args) }, options)
    return results.map(fromValue)
  }

  // A channel to one cell: sends the values as the cell takes them, gives what comes until the cell closes it.
  async *stream(index, method, values) {
    async function* requests() {
      yield { target: { target: { name: 'grid', index }, method } }
      for await (const value of values) yield { value: toValue(value) }
    }
    const channel = this.service.openChannel()
    pipeline(Readable.from(requests()), channel, () => {}) // of its errors the loop below hears
    try {
      for await (const { value } of channel) yield fromValue(value)
    } finally {
      channel.cancel() // where the caller has seen enough
    }
  }

  close() {
    this.service.close()
  }
}

const positional = (args) => ({ positional: args.map(toValue) })

// What the method raised: type, message, PE; null where it was not run.
export function failureOf(error) {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? []
  const { details } = bytes ? protos['google.rpc.Status'].deserialize(bytes) : { details: [] }
  const told = details.find((any) => any.type_url.endsWith('/chariot.v1.ObjectError'))
  return told ? protos['chariot.v1.ObjectError'].deserialize(told.value).failure : null
}

async function main(address, authority, token) {
  const grid = new Grid(address, authority, readFileSync(token, 'utf8').trim())
  console.log('call:', await grid.call([1, 2], 'add', [1.5]))
  console.log('broadcast:', ...(await grid.broadcast('get')))
  const answers = []
  for await (const answer of grid.stream([0, 1], 'chat', [1n, 2.5, 'three'])) answers.push(answer)
  console.log('stream:', ...answers)
  const data = NDArray.of(Float64Array.of(0, 1, 2, 3, 4, 5), 2, 3)
  console.log('array:', (await grid.call([3, 3], 'scaled', [data, 10.0])).elements)
  await grid.call([0, 0], 'fail', ['no such luck']).catch((error) => {
    console.log('error:', grpc.status[error.code], failureOf(error).type)
  })
  await grid.call([0, 0], 'slow', [10.0], { deadline: Date.now() + 300 }).catch((error) => {
    console.log('deadline:', grpc.status[error.code])
  })
  grid.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(...process.argv.slice(2))
