// What flows can be grouped by and measured in, in the order in which people look for it.

export const DIMENSIONS = [
  'src_ip', 'dst_ip', 'host', 'service', 'src_port', 'dst_port', 'protocol', 'src_net24', 'dst_net24', 'src_net16', 'dst_net16',
  'src_as', 'dst_as', 'src_country', 'dst_country', 'exporter', 'in_if', 'out_if', 'vlan', 'tos', 'tcp_flags', 'handshake', 'end_reason', 'initiator', 'ip', 'port', 'as', 'country',
];

export const METRICS = [
  'bytes', 'packets', 'flows', 'bps', 'pps', 'fps', 'sources', 'destinations', 'ports', 'failed', 'syn_only', 'unsolicited', 'bpp', 'duration', 'p95_bytes', 'p95_duration',
];

/** The colour of the n-th row of an answer, and of what is in no row. */
export const colour = (n: number) => `--s${n % 10}`;
export const REST = '--rest';
