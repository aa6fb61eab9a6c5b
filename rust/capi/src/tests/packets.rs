//! Requests as clients write them, and what replies say.

pub(crate) const READ: u8 = 0x08;
pub(crate) const WRITE: u8 = 0x0A;

/// A packet: version and operation, group, command, sequence number, payload.
pub(crate) fn packet(op: u8, group: u16, command: u8, seq: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![op, 0];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend(group.to_be_bytes());
    out.extend([seq, command]);
    out.extend(payload);
    out
}

fn head(major: u8, value: usize) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..=23 => vec![major | value as u8],
        24..=0xFF => vec![major | 24, value as u8],
        0x100..=0xFFFF => [&[major | 25][..], &(value as u16).to_be_bytes()].concat(),
        _ => [&[major | 26][..], &(value as u32).to_be_bytes()].concat(),
    }
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [&head(3, text.len())[..], text.as_bytes()].concat()
}

fn uint(key: &str, value: usize) -> Vec<u8> {
    [text(key), head(0, value)].concat()
}

fn bytes(key: &str, value: &[u8]) -> Vec<u8> {
    [&text(key)[..], &head(2, value.len()), value].concat()
}

/// Echo of a text, which makes a request of any length.
pub(crate) fn echo(seq: u8, said: &str) -> Vec<u8> {
    let payload = [&[0xA1][..], &text("d"), &text(said)].concat();
    packet(WRITE, 0, 0, seq, &payload)
}

/// The reply to it.
pub(crate) fn echoed(seq: u8, said: &str) -> Vec<u8> {
    let payload = [&[0xBF][..], &text("r"), &text(said), &[0xFF]].concat();
    packet(WRITE + 1, 0, 0, seq, &payload)
}

/// The reply to a request that failed.
pub(crate) fn failed(request: &[u8], code: u8) -> Vec<u8> {
    let mut out = request[..8].to_vec();
    out[0] += 1;
    out[2..4].copy_from_slice(&[0, 6]);
    out.extend([0xBF, 0x62, b'r', b'c', code, 0xFF]);
    out
}

/// First request of an upload, with `n` bytes of the file.
pub(crate) fn first(file: &[u8], n: usize) -> Vec<u8> {
    let sha = super::rig::sha256(file);
    let fields = [
        uint("len", file.len()),
        uint("off", 0),
        bytes("sha", &sha),
        bytes("data", &file[..n]),
    ];
    packet(WRITE, 1, 1, 1, &[&[0xA4][..], &fields.concat()].concat())
}

/// A later request of an upload.
pub(crate) fn chunk(file: &[u8], off: usize, n: usize) -> Vec<u8> {
    let end = (off + n).min(file.len());
    let fields = [uint("off", off), bytes("data", &file[off..end])];
    packet(WRITE, 1, 1, 2, &[&[0xA2][..], &fields.concat()].concat())
}

/// "test" or "confirm" of the image with this hash.
pub(crate) fn set_state(hash: &[u8], confirm: bool) -> Vec<u8> {
    let flag = [text("confirm"), vec![0xF4 | u8::from(confirm)]].concat();
    packet(
        WRITE,
        1,
        0,
        3,
        &[&[0xA2][..], &bytes("hash", hash), &flag].concat(),
    )
}

pub(crate) fn erase() -> Vec<u8> {
    packet(WRITE, 1, 5, 4, &[0xA0])
}

pub(crate) fn list() -> Vec<u8> {
    packet(READ, 1, 0, 5, &[0xA0])
}

pub(crate) fn params() -> Vec<u8> {
    packet(READ, 0, 6, 6, &[0xA0])
}

pub(crate) fn reset() -> Vec<u8> {
    packet(WRITE, 0, 5, 7, &[0xA0])
}

pub(crate) fn datetime() -> Vec<u8> {
    packet(READ, 0, 4, 8, &[0xA0])
}

pub(crate) fn task_statistics() -> Vec<u8> {
    packet(READ, 0, 2, 9, &[0xA0])
}

/// The number behind a key, wherever it stands.
pub(crate) fn number(reply: &[u8], key: &str) -> Option<u32> {
    let key = text(key);
    let at = reply.windows(key.len()).position(|part| part == key)? + key.len();
    let rest = &reply[at..];
    let wide = |n: usize| {
        rest[1..=n]
            .iter()
            .fold(0, |sum, b| sum << 8 | u32::from(*b))
    };
    match rest[0] {
        value @ 0..=23 => Some(value.into()),
        24 => Some(wide(1)),
        25 => Some(wide(2)),
        26 => Some(wide(4)),
        _ => None,
    }
}

pub(crate) fn off(reply: &[u8]) -> Option<u32> {
    number(reply, "off")
}

pub(crate) fn rc(reply: &[u8]) -> Option<u32> {
    number(reply, "rc")
}

/// Whether the reply says that the image was checked.
pub(crate) fn matches(reply: &[u8]) -> bool {
    let key = [text("match"), vec![0xF5]].concat();
    reply.windows(key.len()).any(|part| part == key)
}

/// Cut a stream of replies into packets.
pub(crate) fn split(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = stream;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let len = 8 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        out.push(rest[..len].to_vec());
        rest = &rest[len..];
    }
    out
}
