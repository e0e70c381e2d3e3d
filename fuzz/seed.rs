//! Writes the corpora that fuzzing begins with: one small sound input of each kind, made by the program's own parts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidemark::drill::{Plan, Scenario, frames};
use tidemark::engine::{Config, Engine};
use tidemark::enrich::Origins;
use tidemark::input::{OutputFile, PcapWriter, Precision};
use tidemark::model::{LinkType, Networks, RawPacket};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let put = |target: &str, name: &str, octets: &[u8]| -> Outcome {
        fs::create_dir_all(corpus.join(target))?;
        Ok(fs::write(corpus.join(target).join(name), octets)?)
    };
    let messages = [("v5", v5()), ("v9", v9()), ("ipfix", ipfix()), ("sflow", sflow())];
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes(), message].concat();
    for (name, message) in &messages {
        put("export_message", name, &framed(message))?;
        put(
            "export_message",
            &format!("{name}-cut"),
            &framed(&message[..message.len() - 5]),
        )?;
    }
    let all: Vec<u8> = messages.iter().flat_map(|(_, message)| framed(message)).collect();
    put("export_message", "all", &all)?;
    put("sflow", "samples", &sflow())?;
    for (name, packing) in [("plain", 0), ("lzo", 1), ("zstd", 4)] {
        put("record_file", &format!("nfcapd-{name}"), &nfcapd(packing))?;
    }
    put("record_file", "zeek-tsv", ZEEK_TSV.as_bytes())?;
    put("record_file", "zeek-json", ZEEK_JSON.as_bytes())?;
    for (number, filter) in FILTERS.iter().enumerate() {
        put("filter", &number.to_string(), filter.as_bytes())?;
    }
    traffic(&corpus, put)
}

const FILTERS: [&str; 6] = [
    "dst net 10.0.0.0/8 and not port 53",
    "host 2001:db8::1 or (proto tcp and bytes > 1M)",
    "src port 443 and flags S and packets < 3",
    "dst port in 80, 443, 8000-8080",
    "as 64500 and country DE",
    "not (internal and duration > 5m)",
];

/// A few minutes of a drill: frames, captures, and what is learned from them.
fn traffic(corpus: &Path, put: impl Fn(&str, &str, &[u8]) -> Outcome) -> Outcome {
    let plan = Plan {
        duration: Duration::from_secs(180),
        snap: 128,
        ..Plan::new(Scenario::FanIn, 1)
    };
    fs::create_dir_all(corpus.join("capture_file"))?;
    let capture = |name: &str| -> Result<_, std::io::Error> {
        let file = OutputFile::create(&corpus.join("capture_file").join(name), 3)?;
        PcapWriter::new(file, Precision::Micros, LinkType(1), 128)
    };
    let mut captures = [
        capture("plain.pcap")?,
        capture("packed.pcap.gz")?,
        capture("packed.pcap.zst")?,
    ];
    let origins = Arc::new(Origins::new(Networks::default()));
    let mut engine = Engine::new(Config::default(), origins, 1)?;
    let (mut generator, mut number) = (frames(&plan), 0);
    while let Some(frame) = generator.next_frame() {
        number += 1;
        let raw = RawPacket {
            at: frame.at,
            link: LinkType(1),
            octets: frame.octets,
            original_length: frame.original_length,
        };
        let _ = engine.observe(&raw);
        if number <= 20 {
            for capture in &mut captures {
                capture.write(frame.at, frame.octets, frame.original_length)?;
            }
            put(
                "decode_frame",
                &number.to_string(),
                &[&[1], frame.octets].concat(),
            )?;
        }
    }
    for capture in captures {
        capture.finish()?.finish()?;
    }
    engine.finish();
    put("state_file", "learned", &postcard::to_stdvec(&engine.snapshot())?)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A NetFlow v5 datagram of one record.
fn v5() -> Vec<u8> {
    let header = [5 << 16 | 1, 1_000_000, 1_700_000_000, 0, 7, 0];
    let record = [
        0xc633_6401,
        0xc000_0250,
        0,
        1 << 16 | 2,
        10,
        5000,
        990_000,
        999_000,
        40_000 << 16 | 443,
        0x001b_0600,
        0,
        0,
    ];
    words(&[&header[..], &record].concat())
}

/// Source, destination, octets, packets; then one record.
const TEMPLATE: [u32; 4] = [8 << 16 | 4, 12 << 16 | 4, 1 << 16 | 4, 2 << 16 | 4];
const RECORD: [u32; 4] = [0xc633_6401, 0xc000_0250, 5000, 10];

/// A NetFlow v9 message with a Template and a record of it.
fn v9() -> Vec<u8> {
    let header = [9 << 16 | 2, 1_000_000, 1_700_000_000, 1, 7];
    words(
        &[
            &header[..],
            &[24, 256 << 16 | 4],
            &TEMPLATE,
            &[256 << 16 | 20],
            &RECORD,
        ]
        .concat(),
    )
}

/// The same in IPFIX.
fn ipfix() -> Vec<u8> {
    let header = [10 << 16 | 60, 1_700_000_000, 1, 7];
    words(
        &[
            &header[..],
            &[2 << 16 | 24, 256 << 16 | 4],
            &TEMPLATE,
            &[256 << 16 | 20],
            &RECORD,
        ]
        .concat(),
    )
}

/// An sFlow datagram: fields of a packet, router, gateway, and counters.
fn sflow() -> Vec<u8> {
    let packet = [3, 32, 1500, 6, 0xc633_6401, 0xc000_0250, 40_000, 443, 0x10, 0];
    let router = [1002, 16, 1, 0x0a00_0001, 24, 16];
    let gateway = [1003, 40, 1, 0x0a00_0002, 64500, 64501, 64502, 1, 2, 1, 64503, 0];
    let sample = [1, 32 + 40 + 24 + 48, 1, 7, 512, 0, 0, 7, 8, 3];
    let head = [5, 1, 0x0a00_0009, 0, 1, 1000, 2];
    words(&[&head[..], &sample, &packet, &router, &gateway, &[2, 12, 1, 7, 0]].concat())
}

/// A connection as Zeek logs it, and one that nobody answered.
const ZEEK_TSV: &str = "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t\
proto\tduration\torig_bytes\tconn_state\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n\
1700000000.25\t198.51.100.1\t40000\t192.0.2.80\t443\ttcp\t2.5\t500\tSF\t0\tShADadFf\t10\t1020\t12\t9624\n\
1700000001.5\t2001:db8::1\t5353\t2001:db8::2\t53\tudp\t-\t-\tS0\t0\tD\t1\t80\t0\t0\n";

/// The first of them as JSON.
const ZEEK_JSON: &str = r#"{"ts":1700000000.25,"uid":"C1","id.orig_h":"198.51.100.1","id.orig_p":40000,"id.resp_h":"192.0.2.80","id.resp_p":443,"proto":"tcp","duration":2.5,"conn_state":"SF","history":"ShADadFf","orig_pkts":10,"orig_ip_bytes":1020,"resp_pkts":12,"resp_ip_bytes":9624,"vlan":120}
"#;

/// A file of nfcapd with an exporter, its sampler and a flow. zstd is that of a stored block; LZO that of literals alone.
fn nfcapd(packing: u8) -> Vec<u8> {
    let little = |numbers: &[(u64, usize)]| -> Vec<u8> {
        let octets = numbers
            .iter()
            .map(|(number, width)| number.to_le_bytes()[..*width].to_vec());
        octets.flatten().collect()
    };
    let record =
        |kind: u64, body: &[u8]| [&little(&[(kind, 2), (body.len() as u64 + 4, 2)])[..], body].concat();
    let exporter = little(&[(9, 4), (0, 8), (0, 4), (0xc000_02fe, 4), (2, 2), (3, 2), (7, 4)]);
    let sampler = little(&[(3, 2), (1, 2), (0, 8), (1, 4), (99, 4)]);
    let at = 1_700_000_000_000;
    let generic = little(&[
        (at, 8),
        (at + 2500, 8),
        (at + 9000, 8),
        (10, 8),
        (5000, 8),
        (40_000, 2),
        (443, 2),
        (0x0000_1b06, 4),
    ]);
    let misc = little(&[(7, 4), (8, 4), (0x0000_1018, 4), (0x0000_0200, 4)]);
    let extensions = [
        record(1, &generic),
        record(2, &little(&[(0xc633_6401, 4), (0xc000_0250, 4)])),
        record(4, &misc),
        record(5, &little(&[(1, 8), (12, 8), (9624, 8)])),
    ];
    let head = little(&[(4, 2), (0, 2), (3, 2), (2, 1), (9, 1)]);
    let flow = record(11, &[head, extensions.concat()].concat());
    let records = [record(7, &exporter), record(15, &sampler), flow].concat();
    let length = records.len() as u64;
    let packed = match packing {
        // A literal run of 18 octets and more, and the end.
        1 => [&[0, (length - 18) as u8][..], &records, &[17, 0, 0]].concat(),
        // A frame of one raw block, its size in one octet.
        4 => [
            &little(&[(0xfd2f_b528, 4), (0x20, 1), (length, 1), (length << 3 | 1, 3)])[..],
            &records,
        ]
        .concat(),
        _ => records,
    };
    let file = little(&[
        (0xa50c, 2),
        (2, 2),
        (0x0107_0100, 4),
        (1_700_000_000, 8),
        (u64::from(packing), 1),
        (0, 3),
    ]);
    let rest = little(&[(1, 4), (0, 8), (0, 4), (1, 4)]);
    let block = little(&[(3, 4), (packed.len() as u64, 4), (3, 2), (0, 2)]);
    [file, rest, block, packed].concat()
}
