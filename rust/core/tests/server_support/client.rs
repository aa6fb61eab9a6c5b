//! Requests as the real clients write them.

use super::{sha256, Watch};

/// A CBOR value of a request.
#[derive(Clone, Debug)]
pub enum Value {
    Uint(u64),
    Bool(bool),
    Bytes(Vec<u8>),
    Text(String),
    Null,
    Raw(Vec<u8>),
}

fn head(major: u8, value: u64) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..=23 => vec![major | value as u8],
        24..=0xFF => vec![major | 24, value as u8],
        0x100..=0xFFFF => [&[major | 25][..], &(value as u16).to_be_bytes()].concat(),
        0x1_0000..=0xFFFF_FFFF => [&[major | 26][..], &(value as u32).to_be_bytes()].concat(),
        _ => [&[major | 27][..], &value.to_be_bytes()].concat(),
    }
}

pub fn encode(value: &Value) -> Vec<u8> {
    match value {
        Value::Uint(value) => head(0, *value),
        Value::Bool(value) => vec![0xF4 | u8::from(*value)],
        Value::Bytes(bytes) => [head(2, bytes.len() as u64), bytes.clone()].concat(),
        Value::Text(text) => [head(3, text.len() as u64), text.clone().into_bytes()].concat(),
        Value::Null => vec![0xF6],
        Value::Raw(bytes) => bytes.clone(),
    }
}

pub type Fields = Vec<(&'static str, Value)>;

pub fn map(fields: &Fields, indefinite: bool) -> Vec<u8> {
    let mut out = if indefinite {
        vec![0xBF]
    } else {
        head(5, fields.len() as u64)
    };
    for (key, value) in fields {
        out.extend(encode(&Value::Text((*key).into())));
        out.extend(encode(value));
    }
    if indefinite {
        out.push(0xFF);
    }
    out
}

/// A packet: `op` with the version bits, group, command, payload.
pub fn packet(first: u8, group: u16, command: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, 0];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend(group.to_be_bytes());
    out.extend([0x42, command]);
    out.extend(payload);
    out
}

pub const READ2: u8 = 0x08;
pub const WRITE2: u8 = 0x0A;
pub const READ1: u8 = 0x00;
pub const WRITE1: u8 = 0x02;

pub fn upload(fields: &Fields) -> Vec<u8> {
    packet(WRITE2, 1, 1, &map(fields, false))
}

pub fn first_fields(image: &[u8], n: usize) -> Fields {
    vec![
        ("len", Value::Uint(image.len() as u64)),
        ("off", Value::Uint(0)),
        ("sha", Value::Bytes(sha256(image).to_vec())),
        ("data", Value::Bytes(image[..n].to_vec())),
    ]
}

pub fn chunk_fields(image: &[u8], off: usize, n: usize) -> Fields {
    let end = (off + n).min(image.len());
    vec![
        ("off", Value::Uint(off as u64)),
        ("data", Value::Bytes(image[off..end].to_vec())),
    ]
}

/// What a reply says.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct Answer {
    pub off: Option<u32>,
    pub matched: Option<bool>,
    pub rc: Option<u32>,
    pub group_error: Option<(u32, u32)>,
}

/// Decode a reply of the upload kind; panics on anything that is not CBOR.
pub fn answer(reply: &[u8]) -> Answer {
    let mut found = Answer::default();
    let length = usize::from(u16::from_be_bytes([reply[2], reply[3]]));
    assert_eq!(length + 8, reply.len(), "length in the header");
    let mut cbor = minicbor::Decoder::new(&reply[8..]);
    cbor.map().unwrap();
    while cbor.datatype().unwrap() != minicbor::data::Type::Break {
        match cbor.str().unwrap() {
            "off" => found.off = Some(cbor.u32().unwrap()),
            "match" => found.matched = Some(cbor.bool().unwrap()),
            "rc" => found.rc = Some(cbor.u32().unwrap()),
            "rsn" => drop(cbor.str().unwrap()),
            "err" => {
                cbor.map().unwrap();
                let mut pair = [0; 2];
                for (index, key) in ["group", "rc"].iter().enumerate() {
                    assert_eq!(cbor.str().unwrap(), *key);
                    pair[index] = cbor.u32().unwrap();
                }
                cbor.skip().unwrap();
                found.group_error = Some((pair[0], pair[1]));
            }
            other => panic!("unexpected key {other}"),
        }
    }
    found
}

/// Upload from where the device says, `n` bytes at a time. Returns the last answer.
pub fn upload_all(watch: &mut Watch, image: &[u8], n: usize) -> Answer {
    let first = upload(&first_fields(image, n.min(200).min(image.len())));
    let mut last = answer(&watch.request(&first).expect("a reply to the first chunk"));
    let mut rounds = 0;
    while let Some(off) = last.off.filter(|off| (*off as usize) < image.len()) {
        let next = upload(&chunk_fields(image, off as usize, n));
        last = answer(&watch.request(&next).expect("a reply"));
        watch.settle();
        rounds += 1;
        assert!(rounds < 20_000, "the upload makes no progress");
    }
    last
}

pub fn state_read(watch: &mut Watch) -> Vec<u8> {
    watch.request(&packet(READ2, 1, 0, &[0xA0])).unwrap()
}

/// (slot, version, hash, [bootable, pending, confirmed, active, permanent])
pub type Entry = (u32, String, [u8; 32], [bool; 5]);

pub fn entries(reply: &[u8]) -> Vec<Entry> {
    let mut cbor = minicbor::Decoder::new(&reply[8..]);
    let mut found = Vec::new();
    cbor.map().unwrap();
    assert_eq!(cbor.str().unwrap(), "images");
    cbor.array().unwrap();
    while cbor.datatype().unwrap() != minicbor::data::Type::Break {
        cbor.map().unwrap();
        assert_eq!(cbor.str().unwrap(), "slot");
        let slot = cbor.u32().unwrap();
        assert_eq!(cbor.str().unwrap(), "version");
        let version = cbor.str().unwrap().to_string();
        assert_eq!(cbor.str().unwrap(), "hash");
        let hash = cbor.bytes().unwrap().try_into().unwrap();
        let mut flags = [false; 5];
        for (index, key) in ["bootable", "pending", "confirmed", "active", "permanent"]
            .iter()
            .enumerate()
        {
            assert_eq!(cbor.str().unwrap(), *key);
            flags[index] = cbor.bool().unwrap();
        }
        cbor.skip().unwrap();
        found.push((slot, version, hash, flags));
    }
    cbor.skip().unwrap();
    assert_eq!(cbor.str().unwrap(), "splitStatus");
    assert_eq!(cbor.u32().unwrap(), 0);
    found
}

pub fn state_write(watch: &mut Watch, hash: Option<&[u8]>, confirm: bool) -> Vec<u8> {
    let mut fields: Fields = Vec::new();
    if let Some(hash) = hash {
        fields.push(("hash", Value::Bytes(hash.to_vec())));
    }
    fields.push(("confirm", Value::Bool(confirm)));
    watch
        .request(&packet(WRITE2, 1, 0, &map(&fields, false)))
        .unwrap()
}
