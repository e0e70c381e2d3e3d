// Sends Flow Records of `tidemark flows --format json` (on standard input) as IPFIX over UDP, each when its flow ends.
// Usage: feed.mjs HOST:PORT FROM, where FROM (RFC 3339) is the first end of a flow that is sent; those before are left out.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const [host, port] = process.argv[2].split(/:(?=\d+$)/);
const from = Date.parse(process.argv[3]);
const PER_MESSAGE = 20;

// RFC 7011: templates of two families; information elements of RFC 7012 with their lengths.
const COMMON = [[7, 2], [11, 2], [4, 1], [6, 2], [2, 8], [1, 8], [152, 8], [153, 8]];
const TEMPLATES = { 256: [[8, 4], [12, 4], ...COMMON], 257: [[27, 16], [28, 16], ...COMMON] };

function address(text) {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head, tail] = text.split('::').map((part) => (part ? part.split(':') : []));
  const groups = tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  const octets = Buffer.alloc(16);
  groups.forEach((group, i) => octets.writeUInt16BE(parseInt(group, 16), 2 * i));
  return octets;
}

function record(f) {
  const rest = Buffer.alloc(39);
  rest.writeUInt16BE(f.src_port, 0);
  rest.writeUInt16BE(f.dst_port, 2);
  rest.writeUInt8(f.protocol, 4);
  rest.writeUInt16BE(f.tcp_flags, 5);
  [f.packets, f.bytes, f.start, f.end].forEach((n, i) => rest.writeBigUInt64BE(BigInt(n), 7 + 8 * i));
  return { set: f.src_ip.includes(':') ? 257 : 256, octets: Buffer.concat([address(f.src_ip), address(f.dst_ip), rest]) };
}

function set(id, body) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(4 + body.length, 2);
  return Buffer.concat([head, body]);
}

const templates = Buffer.concat(
  Object.entries(TEMPLATES).map(([id, fields]) => Buffer.from(Uint16Array.from([Number(id), fields.length, ...fields.flat()]).buffer).swap16()),
);

let sequence = 0;
function message(records) {
  const sets = [set(2, templates)];
  for (const id of [256, 257]) {
    const mine = records.filter((r) => r.set === id).map((r) => r.octets);
    if (mine.length) sets.push(set(id, Buffer.concat(mine)));
  }
  const body = Buffer.concat(sets);
  const head = Buffer.alloc(16);
  head.writeUInt16BE(10, 0);
  head.writeUInt16BE(16 + body.length, 2);
  head.writeUInt32BE(Math.floor(Date.now() / 1000), 4);
  head.writeUInt32BE(sequence, 8);
  head.writeUInt32BE(7, 12);
  sequence += records.length;
  return Buffer.concat([head, body]);
}

// The usual traffic of a seed is in every scenario; it is sent once.
const seen = new Set();
const due = [];
for await (const line of createInterface({ input: process.stdin })) {
  if (seen.has(line)) continue;
  seen.add(line);
  const f = JSON.parse(line);
  const [start, end] = [Date.parse(f.start), Date.parse(f.end)];
  if (end < from) continue;
  const one = { ...f, start, end };
  due.push({ end, record: record(one) });
  if (!f.reverse_packets) continue;
  const back = { ...one, src_ip: f.dst_ip, dst_ip: f.src_ip, src_port: f.dst_port, dst_port: f.src_port, packets: f.reverse_packets, bytes: f.reverse_bytes, tcp_flags: f.reverse_tcp_flags ?? 0 };
  due.push({ end, record: record(back) });
}
due.sort((a, b) => a.end - b.end);

const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
const send = (octets) => new Promise((done) => socket.send(octets, Number(port), host.replace(/^\[|\]$/g, ''), done));
for (let next = 0; next < due.length; ) {
  const now = Date.now();
  const batch = [];
  while (next < due.length && due[next].end <= now && batch.length < PER_MESSAGE) batch.push(due[next++].record);
  if (batch.length) await send(message(batch));
  else await new Promise((done) => setTimeout(done, 100));
}
socket.close();
