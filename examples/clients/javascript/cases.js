// The cases of test/clients/table.py: cases.js ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]
import { readFileSync, writeFileSync } from 'node:fs'
import grpc from '@grpc/grpc-js'
import { Grid, failureOf, protos } from './client.js'
import { NDArray, fromValue, toValue } from './values.js'

const [address, authority, tokenFile, narrowFile, option, source, target] = process.argv.slice(2)
const read = (file) => readFileSync(file, 'utf8').trim()

async function collect(values) {
  const all = []
  for await (const value of values) all.push(value)
  return all.join(' ')
}

async function status(promise) {
  return promise.then(() => 'OK', (error) => grpc.status[error.code] ?? error.stack)
}

async function array(grid) {
  const data = NDArray.of(Float64Array.of(0.5, 1.5, 2.5, 3.5, 4.5, 5.5), 2, 3)
  const { dtype, shape, elements } = await grid.call([3, 3], 'scaled', [data, 3.0])
  return `${dtype} ${shape.join('x')} ${elements.join(' ')}`
}

async function describe(grid) {
  const { object } = await grid.ask('getObject', { target: { name: 'grid' } })
  const { name, parameters, returns } = object.methods.find((method) => method.name === 'add')
  return `${name}(${parameters.map((one) => `${one.name}: ${one.type}`).join(', ')}) -> ${returns}`
}

async function* watch(grid) {
  const future = await grid.call([0, 0], 'later')
  for await (const { value } of grid.service.watchFuture({ future })) yield fromValue(value)
}

async function error(grid) {
  return grid.call([2, 2], 'fail', ['no such luck']).catch((raised) => {
    const { type, message } = failureOf(raised)
    return `${grpc.status[raised.code]} ${type}: ${message}`
  })
}

async function cases(grid) {
  const say = (name, word) => console.log(`${name}: ${word}`)
  say('call', await grid.call([1, 2], 'add', [1.5]))
  say('broadcast', (await grid.broadcast('add', [0.25])).join(' '))
  const sum = { target: { name: 'grid' }, method: 'get', reducer: 'REDUCER_SUM' }
  say('reduce', fromValue((await grid.ask('reduce', sum)).result))
  say('stream', await collect(grid.stream([0, 1], 'chat', [0.75, 1.25, 'ping'])))
  say('array', await array(grid))
  say('list', (await grid.ask('listObjects', {})).objects.map((object) => object.name).join(' '))
  say('describe', await describe(grid))
  say('watch', await collect(watch(grid)))
  say('error', await error(grid))
  say('deadline', await status(grid.call([0, 0], 'slow', [10.0], { deadline: Date.now() + 300 })))
  say('cancelled', await status(grid.call([0, 0], 'slow', [10.0], { signal: AbortSignal.timeout(100) })))
  say('unknown', await status(grid.ask('call', { target: { name: 'nobody' }, method: 'get' })))
  say('not_exposed', await status(grid.call([0, 0], 'hidden')))
  say('wrong_type', await status(grid.call([0, 0], 'add', ['much'])))
  say('over_limit', await status(grid.call([0, 0], 'echo', [new Uint8Array(2 << 20)])))
  say('no_token', await status(new Grid(address, authority).call([0, 0], 'get')))
  say('wrong_scope', await status(new Grid(address, authority, read(narrowFile)).call([0, 0], 'add', [1.0])))
}

// Messages, each behind its length.
function* delimited(bytes) {
  for (let at = 0; at < bytes.length; ) {
    let size = 0
    for (let factor = 1, more = true; more; factor *= 128) {
      size += (bytes[at] & 127) * factor
      more = bytes[at++] > 127
    }
    yield bytes.subarray(at, (at += size))
  }
}

function delimit(message) {
  const size = []
  let left = message.length
  for (; left > 127; left = Math.floor(left / 128)) size.push((left % 128) + 128)
  return Buffer.concat([Buffer.from([...size, left]), message])
}

async function echoValues(grid) {
  const Value = protos['chariot.v1.Value']
  const answers = []
  for (const bytes of delimited(readFileSync(source))) {
    const answer = await grid.call([0, 0], 'echo', [fromValue(Value.deserialize(bytes))])
    answers.push(delimit(Value.serialize(toValue(answer))))
  }
  writeFileSync(target, Buffer.concat(answers))
}

const grid = new Grid(address, authority, read(tokenFile))
await (option === '--values' ? echoValues(grid) : cases(grid))
process.exit() // connections are still open
